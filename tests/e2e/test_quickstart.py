"""The show of scripts/quickstart, on processes: it comes through, its report is true to the promise, and nothing of it stays."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

import databases
from harness import BUILD, LAB, SOURCE, check, main, process_words


def left(folder):
    """Words of live processes that know the folder."""
    live = [process_words(entry.name) for entry in pathlib.Path("/proc").glob("[0-9]*")]
    return [words for words in live if any(folder.encode() in word for word in words)]


def nothing_is_lost_but_what_no_backup_has():
    with tempfile.TemporaryDirectory(prefix="drorch-e2e-") as folder:
        os.chmod(folder, 0o711)  # the database servers have an account of their own
        try:
            done = subprocess.run(
                [sys.executable, SOURCE / "scripts/show/quickstart.py", folder, "--once", "--processes"],
                capture_output=True, text=True, timeout=240, stdin=subprocess.DEVNULL, check=False,
                env={**os.environ, "DRORCH_BUILD": str(BUILD), "DRORCH_SOURCE": str(SOURCE)})
            said = done.stdout
            check(done.returncode == 0, f"{said}{done.stderr}")
            report = re.findall(r"^  (.*\S) {2,}\S.* s .* (\d+) +(\d+)$", said[said.index("== The report"):], re.M)
            check([what for what, _, _ in report] == [
                "planned switch to dr", "planned switch home", "power loss of main", "failback to main",
                "cold rebuild at tier2"], report)
            check(all(int(acknowledged) > 30 for _, acknowledged, _ in report), report)
            check(all(lost == "0" for _, _, lost in report[:4]), report)
            for words in ("how main came back: main follows dr by follow", "(failover)", "alike, by checksum",
                          "writes acknowledged,", "$ drorch failback --confirm main"):
                check(words in said, f"{words} is not in {said}")
            check(not left(folder), f"still there: {left(folder)}")
            check("\033" not in said and "\r" not in said, "plain text in a pipe")
        finally:
            for lab in ("hot", "cold"):
                subprocess.run([LAB, "down", "--state", f"{folder}/{lab}/lab"], capture_output=True, timeout=60, check=False)


if __name__ == "__main__":
    databases.need_mariadb()
    main(nothing_is_lost_but_what_no_backup_has)
