"""The show behind scripts/quickstart: a hot standby, a cold rebuild, and a report of what they cost.

    quickstart.py FOLDER [--once] [--processes]
"""

import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "tests" / "e2e"))
import databases  # noqa: E402
import harness  # noqa: E402
import rebuild  # noqa: E402
import standby  # noqa: E402
from terminal import say, table  # noqa: E402


def write_environment(world, path):
    path.write_text(f"""\
export PATH={world.folder}/bin:{harness.BUILD}/bin:{harness.BUILD}/lab:{harness.BUILD}/agent:$PATH
export DRORCH_REPO=file://{world.repo} DRORCH_STATE={world.state} DRORCH_PLUGINS={harness.BUILD}/plugins
export DRORCH_LAB_STATE={world.lab_state} EDGE=http://127.0.0.1:{world.edge}
""")


def main():
    folder, once = pathlib.Path(sys.argv[1]).resolve(), "--once" in sys.argv[2:]
    databases.need_mariadb()
    hot = standby.make(folder, "--processes" not in sys.argv[2:])
    write_environment(hot, folder / "hot.env")
    rows = standby.acts(hot)
    if once:
        standby.end(hot)
    cold = rebuild.make(folder)
    write_environment(cold, folder / "cold.env")
    outage, acknowledged, lost = rebuild.show(cold)
    if once:
        cold.end()
        cold.lab("down")
    say(f"The report. The first four by {hot.KIND}, replicated semi-synchronously; the last from a backup")
    table(("WHAT", "HOW LONG", "ACKNOWLEDGED", "LOST"),
          [*rows, ("cold rebuild at tier2", f"{outage:.2f} s without the service", acknowledged, lost)])


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    except (harness.Failure, subprocess.SubprocessError) as failure:
        print(f"quickstart: {failure}", file=sys.stderr)
        sys.exit(1)
