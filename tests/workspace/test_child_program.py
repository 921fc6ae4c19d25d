"""A program that ends with its parent, however that ends."""

import asyncio
import subprocess
import sys
from pathlib import Path

import psutil

from tests.processes import all_end

PARENT = """
import subprocess, sys
from workspace import child_program
child = subprocess.Popen(child_program.command(*sys.argv[1:]), stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
sys.stdin.read()
"""
PROGRAM = "import signal, sys\nprint(sys.argv, __name__, flush=True)\nsignal.pause()\n"


async def test_it_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PARENT, str(program), "-x"), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    child = psutil.Process(int(await parent.stdout.readline()))
    assert child.is_running()
    parent.kill()
    await parent.wait()
    await all_end([child])


def test_it_runs_files_and_modules_as_python_does(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text("import sys\nprint(sys.argv[1:], __name__)")
    for arguments, expected in (
        ([str(program), "-a", "b"], "['-a', 'b'] __main__"),
        (["-m", "this"], "The Zen of Python"),
        (["-m", "json.tool", "--help"], "usage"),
    ):
        code = "import subprocess, sys; from workspace import child_program as c; " + (
            "print(subprocess.run(c.command(*sys.argv[1:]), capture_output=True, text=True, check=True).stdout)"
        )
        done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
        assert expected in done.stdout
