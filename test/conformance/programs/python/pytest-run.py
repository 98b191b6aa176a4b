# A run of pytest from a program, in this process and as a command.
import re
import subprocess
import sys

with open("test_things.py", "w") as file:
    file.write("import pytest\n\ndef test_good(tmp_path):\n    assert tmp_path.exists()\n\ndef test_bad():\n    assert [1] == [2]\n\n@pytest.mark.parametrize('n', [1, 2])\ndef test_many(n):\n    assert n\n")
done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_things.py"], capture_output=True, text=True)
print(re.sub(r"in \d+\.\d+s", "in a moment", done.stdout), done.stderr, done.returncode)
import pytest


class Collect:
    def pytest_runtest_logreport(self, report):
        if report.when == "call":
            print(report.nodeid, report.outcome)


print(int(pytest.main(["-q", "--no-header", "--no-summary", "-p", "no:terminal", "-p", "no:cacheprovider", "test_things.py"], plugins=[Collect()])))
