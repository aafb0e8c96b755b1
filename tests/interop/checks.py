"""One line a check, and a count that tools/interop adds up."""


class Checks:
    def __init__(self):
        self.passed = 0
        self.failed = 0

    def at_most(self, name, value, limit, note=""):
        """`value` must be a number (not NaN) and at most `limit`."""
        self.report(name, value <= limit, f"{value:.2e} <= {limit:.0e}" + (f" ({note})" if note else ""))

    def equal(self, name, actual, expected, note=""):
        self.report(name, actual == expected, note)

    def report(self, name, passed, note=""):
        if passed:
            self.passed += 1
        else:
            self.failed += 1
        print(f"{'ok    ' if passed else 'FAILED'} {name}" + (f": {note}" if note else ""), flush=True)

    def finish(self):
        """The last line, and the exit status of the script."""
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        return 1 if self.failed else 0
