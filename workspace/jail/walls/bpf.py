"""An assembler for the few classic BPF instructions that a seccomp filter needs."""

import struct
from dataclasses import dataclass, field

# Offsets in `struct seccomp_data`.
NUMBER = 0
ARCH = 4
_ARGUMENTS = 16

ALLOW = 0x7FFF0000
KILL = 0x80000000


def fail(number: int) -> int:
    """The verdict "return this errno"; errno 0 reports success without doing anything."""
    return 0x00050000 | number


@dataclass
class Program:
    """Instructions in order; every `unless_…` skips the next `skip` instructions if its test fails."""

    code: list[bytes] = field(default_factory=list)

    def _add(self, opcode: int, value: int, if_true: int = 0, if_false: int = 0) -> None:
        self.code.append(struct.pack("HBBI", opcode, if_true, if_false, value))

    def load(self, offset: int) -> None:
        """Load 32 bits of the call's description."""
        self._add(0x20, offset)

    def load_argument(self, index: int, *, high_half: bool = False) -> None:
        """Load one half of an argument of the call."""
        self.load(_ARGUMENTS + 8 * index + (4 if high_half else 0))

    def mask(self, bits: int) -> None:
        """Keep only `bits` of the loaded value."""
        self._add(0x54, bits)

    def give(self, verdict: int) -> None:
        """End with this verdict."""
        self._add(0x06, verdict)

    def if_equal(self, value: int, verdict: int) -> None:
        """End with `verdict` if the loaded value is `value`."""
        self._add(0x15, value, 0, 1)
        self.give(verdict)

    def unless_equal(self, value: int, verdict: int) -> None:
        """End with `verdict` if the loaded value is not `value`."""
        self._add(0x15, value, 1, 0)
        self.give(verdict)

    def if_above(self, value: int, verdict: int) -> None:
        """End with `verdict` if the loaded value is greater than `value`."""
        self._add(0x25, value, 0, 1)
        self.give(verdict)

    def if_any_bit(self, bits: int, verdict: int) -> None:
        """End with `verdict` if the loaded value has any of `bits`."""
        self._add(0x45, bits, 0, 1)
        self.give(verdict)

    def only_for(self, value: int, body: "Program") -> None:
        """Run `body`, which must end with a verdict, if the loaded value is `value`; otherwise skip it."""
        self._add(0x15, value, 0, len(body.code))
        self.code += body.code

    def assemble(self) -> bytes:
        """The bytes for the operating system's kernel."""
        return b"".join(self.code)
