import time

from hypothesis import given
from hypothesis import strategies as st

from workspace.output import Tape, plain


@given(st.lists(st.text(alphabet="abc\n", max_size=50)), st.integers(2, 60))
def test_a_tape_keeps_both_ends_in_bounded_space(texts: list[str], limit: int) -> None:
    tape = Tape(limit)
    for text in texts:
        tape.write(text)
    whole, half = "".join(texts), limit // 2
    if len(whole) <= 2 * half:
        assert tape.text() == whole
    else:
        assert tape.text().startswith(whole[:half])
        assert tape.text().endswith(whole[-half:])
        assert f"[{len(whole) - 2 * half} characters left out]" in tape.text()


def test_progress_bars_collapse_to_their_last_state() -> None:
    assert plain("\x1b[32m 10%\r 50%\r100%\x1b[0m\ndone\r\n") == "100%\ndone\n"


def test_regression_a_string_of_escapes_froze_the_loop() -> None:
    began = time.process_time()
    plain("\x1b]" * 500_000)
    assert time.process_time() - began < 5
