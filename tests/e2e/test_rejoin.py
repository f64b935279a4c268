"""How an old primary comes back: real servers that have parted ways, real mariadb-backup, a real sshd."""

import contextlib
import json
import os
import pathlib
import select
import shutil
import signal
import stat
import subprocess
import tempfile
import time

from databases import AGENT, REJOIN_GRANTS, SEED_GRANTS, free_port, need_mariadb, pair, program
from harness import Failure, check, main, wait_for

STRIDE = 1 if os.environ.get("DRORCH_LONG") == "1" else 13  # of the kill points
FLASHBACK_FIRST = 1 if STRIDE == 1 else 6  # so that one falls between a flashback's prepare and its note
TABLES = ("shop.orders", "shop.names")


def sums(server):
    return [server.sql(f"CHECKSUM TABLE {table} EXTENDED") for table in TABLES]


def same_tables(a, b):
    wait_for("the tables to be alike", lambda: sums(a) == sums(b))


def is_open(server):
    for _ in range(5):
        with contextlib.suppress(Failure):
            return server.sql("SELECT @@read_only") == "0"
    return server.sql("SELECT @@read_only") == "0"


def part(a, b, more="", epoch=2):
    """b is promoted while a, cut off, goes on alone: with inserts, updates, deletes, and what `more` says."""
    with a.agent() as one, b.agent() as two:
        one.do("promote", epoch=1 if epoch == 2 else epoch - 1)
        a.sql("CREATE TABLE IF NOT EXISTS shop.names (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(200), data BLOB)")
        a.sql(f"INSERT INTO shop.orders VALUES ({epoch}, 1), ({epoch}, 2), ({epoch}, 3)")
        two.do("wait", position=one.do("position")["position"])
        two.do("withdraw", epoch=epoch)
        a.sql(f"INSERT INTO shop.orders VALUES ({epoch}, 101), ({epoch}, 102);"
              f"UPDATE shop.orders SET number=number+1000 WHERE writer={epoch};"
              f"DELETE FROM shop.orders WHERE writer={epoch} AND number=1001;"
              "INSERT INTO shop.names (name, data) VALUES ('héllo ''x''', UNHEX('00FF27')), (NULL, NULL);" + more)
        two.do("promote", epoch=epoch)
        b.sql(f"INSERT INTO shop.orders VALUES ({epoch}, 2001); INSERT INTO shop.names (name) VALUES ('there');"
              f"UPDATE shop.orders SET number=5 WHERE writer={epoch} AND number=2")


def purge(server):
    """So that its binary logs begin here."""
    def gone():
        server.sql("PURGE BINARY LOGS BEFORE NOW() + INTERVAL 1 DAY")
        return len(server.sql("SHOW BINARY LOGS").splitlines()) == 1
    for dump in server.sql("SELECT ID FROM information_schema.PROCESSLIST WHERE COMMAND LIKE 'Binlog Dump%'").split():
        server.sql(f"KILL {dump}")
    server.sql("FLUSH BINARY LOGS; FLUSH BINARY LOGS")
    wait_for("the logs to go", gone)


def rejoins(a, b, way, epoch=2, **fields):
    with a.agent() as one:
        done = one.do("rejoin", epoch=epoch, host="127.0.0.1", port=b.port, deadline_ms=120000, **fields)
        check(done["way"] == way, done)
        check(one.do("hello")["role"] == "replica", "role")
        b.sql(f"INSERT INTO shop.orders VALUES ({epoch}, 3000)")
        same_tables(a, b)
        check(not is_open(a) and not one.do("status")["replica"]["broken"], "it does not follow")
    return done


def nothing_of_its_own():
    with pair() as (a, b), b.agent() as two:
        a.sql("CREATE TABLE shop.names (id INT PRIMARY KEY)")
        a.kill()
        two.do("promote", epoch=2)
        a.start()
        done = rejoins(a, b, "follow")
        check(done["diverged"] is None and done["why"], done)


def flashback():
    with pair() as (a, b):
        part(a, b)
        with a.agent() as one:
            answer = one.refuse("ECONFLICT", "rejoin", epoch=2, host="127.0.0.1", port=b.port, deadline_ms=30000)
            facts = answer["facts"]
            check(facts["needs"] == "flashback" and "no_flashback" not in facts, answer)
            found = facts["diverged"]
            check(found["transactions"] == 4 and found["rows"] == 10 and found["ddl"] == 0, found)
            check("INSERT INTO `shop`.`orders`" in found["head"], found)
            report = pathlib.Path(found["report"])
            check(stat.S_IMODE(report.stat().st_mode) == 0o600, "the report's mode")
            check(report.read_text(errors="replace").count("### DELETE FROM") == 1, "the report")
            check(not is_open(a), "open")
        done = rejoins(a, b, "flashback", allow="reseed")
        check(done["diverged"]["rows"] == 10 and done["diverged"]["from"] in done["why"], done)
        check(a.sql("SELECT @@gtid_binlog_pos").split("-")[1] == "2", "the log")
        check(len(list((a.folder / "state").glob("diverged-*"))) == 1, "a second report")
        # And back again, so that the flashed back log is one that another can follow.
        with a.agent() as one, b.agent() as two:
            two.do("fence", epoch=3)
            one.do("promote", epoch=3, position=two.do("position")["position"])
            two.do("rejoin", epoch=3, host="127.0.0.1", port=a.port)
        part(a, b, epoch=4)
        rejoins(a, b, "flashback", 4, allow="flashback")


def what_flashback_cannot():
    with pair() as (a, b):
        part(a, b, "CREATE TABLE shop.alone (id INT PRIMARY KEY);")
        with a.agent() as one:
            for allow in ("follow", "flashback"):
                facts = one.refuse("ECONFLICT", "rejoin", epoch=2, host="127.0.0.1", port=b.port, allow=allow)["facts"]
                check(facts["needs"] == "reseed" and "DDL" in facts["no_flashback"], facts)
                check(facts["diverged"]["ddl"] == 1, facts)
            one.refuse("EUNSUPPORTED", "rejoin", epoch=2, host="127.0.0.1", port=b.port, allow="reseed")
            one.refuse("ESAFETY", "rejoin", epoch=1, host="127.0.0.1", port=b.port, allow="reseed")
            one.refuse("ECONFLICT", "rejoin", epoch=2, host="127.0.0.1", port=a.port)
        a.sql("SELECT COUNT(*) FROM shop.alone")
    with pair() as (a, b):
        part(a, b, "SET SESSION binlog_format=STATEMENT; DELETE FROM shop.names WHERE id=1;")
        with a.agent() as one:
            facts = one.refuse("ECONFLICT", "rejoin", epoch=2, host="127.0.0.1", port=b.port, allow="flashback")["facts"]
            check("not logged as rows" in facts["no_flashback"], facts)
    with pair() as (a, b):
        part(a, b)
        purge(a)
        with a.agent() as one:
            facts = one.refuse("ECONFLICT", "rejoin", epoch=2, host="127.0.0.1", port=b.port, allow="flashback")["facts"]
            check("do not go back" in facts["no_flashback"], facts)


def cascades():
    """A delete that takes rows of another table along, by a foreign key: those are in no log."""
    with pair() as (a, b):
        a.sql("CREATE TABLE shop.parents (id INT PRIMARY KEY); CREATE TABLE shop.children (id INT PRIMARY KEY, "
              "parent INT, FOREIGN KEY (parent) REFERENCES shop.parents (id) ON DELETE CASCADE);"
              "INSERT INTO shop.parents VALUES (1); INSERT INTO shop.children VALUES (1, 1)")
        part(a, b, "DELETE FROM shop.parents;")
        with a.agent() as one:
            facts = one.refuse("ECONFLICT", "rejoin", epoch=2, host="127.0.0.1", port=b.port, allow="flashback")["facts"]
            check("foreign keys" in facts["no_flashback"] and facts["needs"] == "reseed", facts)


def dies_at(server, point, **fields):
    """A rejoin whose agent is killed at its Nth kill point: before or after a statement, or a step on the disk.
    False: it came to its end before."""
    with server.agent(env={"DRORCH_KILL_AT": str(point)}) as agent:
        agent.send("rejoin", deadline_ms=60000, **fields)
        ready, _, _ = select.select([agent.process.stdout], [], [], 90)
        check(ready, "neither an answer nor an end")
        line = agent.process.stdout.readline()
        check(not line or b'"result"' in line, line)
        return not line


def turn_back(a, b, epoch):
    """a is the primary again, and b follows."""
    with a.agent() as one, b.agent() as two:
        two.do("fence", epoch=epoch)
        one.do("promote", epoch=epoch, position=two.do("position")["position"])
        two.do("rejoin", epoch=epoch, host="127.0.0.1", port=a.port)


def flashback_killed_anywhere():
    """The agent, and at times its server too, dies at each so many points of it: the next rejoin ends it."""
    with pair() as (a, b):
        point, epoch, ways, between = FLASHBACK_FIRST, 2, set(), 0
        while True:
            part(a, b, epoch=epoch)
            fields = {"epoch": epoch, "host": "127.0.0.1", "port": b.port, "allow": "flashback"}
            if not dies_at(a, point, **fields):
                break
            if point % 2:
                a.kill()
                a.start()
            check(not is_open(a) or point < 12, "open")
            between += a.sql("XA RECOVER") != "" and not (a.folder / "state" / "rejoin.json").exists()
            with a.agent() as one:
                if (a.folder / "state" / "rejoin.json").exists():
                    one.refuse("ESAFETY", "follow", epoch=epoch, host="127.0.0.1", port=b.port)
                    one.refuse("ESAFETY", "promote", epoch=epoch)
                done = one.do("rejoin", deadline_ms=60000, **fields)
            ways.add((done["way"], done["why"].split(" ")[0]))
            same_tables(a, b)
            check(a.sql("XA RECOVER") == "", "something is prepared still")
            turn_back(a, b, epoch + 1)
            point, epoch = point + STRIDE, epoch + 2
        print(f"     killed at points up to {point}: {sorted(ways)}")
        check(len(ways) == 3, ways)
        check(between, "no kill fell between the prepare and the note: begin with another point")


@contextlib.contextmanager
def sshd(a, b):
    """Each of them may fetch the other's data."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="drorch-ssh-"))
    made = os.getuid() == 0 and not os.path.isdir("/run/sshd")
    daemon = None
    try:
        if made:
            os.mkdir("/run/sshd", 0o755)
        for key in ("host", "a", "b"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / key], check=True)
        (folder / "keys").write_text("".join(
            f'command="{AGENT} seed --config {server.folder}/agent.yaml",restrict '
            f"{(folder / server.name).with_suffix('.pub').read_text()}" for server in (a, b)))
        port = free_port()
        (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {(folder / 'host.pub').read_text()}")
        (folder / "config").write_text(
            f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/keys\n"
            f"StrictModes no\nUsePAM no\nPermitRootLogin forced-commands-only\nPidFile none\n"
            f"PasswordAuthentication no\n")
        daemon = subprocess.Popen([program("sshd"), "-D", "-f", folder / "config"], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for server, other in ((a, b), (b, a)):
            path = server.folder / "agent.yaml"
            path.write_text(path.read_text().replace("check:", (
                f"  seed:\n    user: seed\n    password: {{file: {server.secrets}/seed}}\n"
                f"    ssh: {{user: {os.environ.get('USER', 'root')}, port: {port}, identity: {folder}/{other.name}, "
                f"known_hosts: {folder}/known_hosts}}\ncheck:")))
        yield
    finally:
        if daemon:
            daemon.terminate()
            daemon.wait()
        if made:
            os.rmdir("/run/sshd")
        shutil.rmtree(folder)


def reseed():
    with pair() as (a, b), sshd(a, b):
        part(a, b, "CREATE TABLE shop.alone (id INT PRIMARY KEY);")
        done = rejoins(a, b, "reseed", allow="reseed")
        check("DDL" in done["no_flashback"] and done["diverged"]["ddl"] == 1, done)
        a.adopt()
        check((a.folder / "data.drorch-old" / "shop" / "alone.frm").exists(), "the old data is not kept")
        check(not (a.folder / "data.drorch-seed").exists(), "the copy's place")
        check(not list((a.folder / "data").glob("drorch-seed*")), "the mark")
        check("init_file" not in (a.folder / "boot.cnf").read_text(), "the boot file")
        # The other way: the account that agent b has is not the one of the copy.
        with a.agent() as one, b.agent() as two:
            two.do("fence", epoch=3)
            one.do("promote", epoch=3, position=two.do("position")["position"])
            b.stop()
            shutil.rmtree(b.folder / "data" / "mysql")
            two.refuse("EAGAIN", "rejoin", epoch=3, host="127.0.0.1", port=a.port)
        rejoins(b, a, "reseed", 3, allow="reseed")
        b.adopt()


def a_seed_that_fails():
    """The new primary cannot be copied: said so, and this host is what it was, closed."""
    with pair() as (a, b), sshd(a, b):
        part(a, b, "CREATE TABLE shop.alone (id INT PRIMARY KEY);")
        (b.secrets / "seed").write_text("wrong")
        with a.agent() as one:
            answer = one.refuse("EIO", "rejoin", epoch=2, host="127.0.0.1", port=b.port, allow="reseed")
            check("Access denied" in answer["error"]["message"], answer)
            check("secret" not in json.dumps(answer) and not is_open(a), answer)
            b.signal(signal.SIGSTOP)
            began = time.monotonic()
            answer = one.ask("rejoin", epoch=2, host="127.0.0.1", port=b.port, allow="reseed", deadline_ms=2000)
            check("error" in answer and time.monotonic() - began < 6, answer)
            b.signal(signal.SIGCONT)
        check(a.sql("SELECT COUNT(*) FROM shop.alone") == "0", "its data has gone")
        check(not (a.folder / "data.drorch-seed").exists(), "half a copy")


def least_grants():
    """Each of the documented grants of a seed and of a flashback is needed."""
    with pair() as (a, b), sshd(a, b):
        part(a, b)
        for grant in REJOIN_GRANTS:
            a.sql(f"REVOKE {grant} ON *.* FROM {a.agent_user}")
            with a.agent() as one:
                answer = one.ask("rejoin", epoch=2, host="127.0.0.1", port=b.port, allow="flashback")
                check(answer.get("error", {}).get("code") == "EAUTH", f"{grant}: {answer}")
            a.sql(f"GRANT {grant} ON *.* TO {a.agent_user}")
        for grant in SEED_GRANTS:
            b.sql(f"REVOKE {grant} ON *.* FROM seed@localhost")
            done = subprocess.run([AGENT, "seed", "--config", b.folder / "agent.yaml"], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE, timeout=60, check=False)
            check(done.returncode != 0, f"{grant} is not needed")
            b.sql(f"GRANT {grant} ON *.* TO seed@localhost")
        rejoins(a, b, "flashback", allow="flashback")


def behind_what_is_kept():
    """All that is here is there, but what is missing here is gone there: only a copy helps."""
    with pair() as (a, b), sshd(a, b):
        with a.agent() as one, b.agent() as two:
            one.do("promote", epoch=1)
            a.sql("CREATE TABLE shop.names (id INT PRIMARY KEY)")
            two.do("wait", position=one.do("position")["position"])
            b.sql("STOP SLAVE")
            a.sql("INSERT INTO shop.orders VALUES (1, 1)")
            purge(a)
            facts = two.refuse("ECONFLICT", "rejoin", epoch=2, host="127.0.0.1", port=a.port,
                               allow="flashback")["facts"]
            check(facts["needs"] == "reseed" and "diverged" not in facts, facts)
        rejoins(b, a, "reseed", 2, allow="reseed")
        b.adopt()


def reseed_killed_anywhere():
    """Killed at any moment, nothing opens; the next one ends it."""
    with pair() as (a, b), sshd(a, b):
        part(a, b, "CREATE TABLE shop.alone (id INT PRIMARY KEY);")
        seen = set()
        for turn in range(8):
            agent = a.agent()
            agent.do("hello")
            agent.send("rejoin", epoch=2, host="127.0.0.1", port=b.port, allow="reseed", deadline_ms=60000)
            time.sleep(0.3 * turn + 0.05)
            agent.kill()
            places = [(a.folder / name).exists() for name in ("data.drorch-seed", "data/drorch-seed.pos", "pid")]
            seen.add(tuple(places))
            a.adopt()
            with contextlib.suppress(Failure):
                check(not is_open(a), "a half copied server opened")
            if turn % 4 == 3:
                with a.agent() as one:
                    one.do("rejoin", epoch=2, host="127.0.0.1", port=b.port, allow="reseed", deadline_ms=60000)
                a.adopt()
                same_tables(a, b)
                a.sql("SET sql_log_bin=0; SET GLOBAL read_only=0; INSERT INTO shop.orders VALUES (0, 0)")
                a.sql("STOP SLAVE; SET sql_log_bin=1; CREATE TABLE shop.alone (id INT PRIMARY KEY)")
        print(f"     killed in {len(seen)} kinds of states")
        rejoins(a, b, "reseed", allow="reseed")
        a.adopt()


def reseed_killed_at_each_step():
    with pair() as (a, b), sshd(a, b):
        fields = {"epoch": 2, "host": "127.0.0.1", "port": b.port, "allow": "reseed"}
        part(a, b, "CREATE TABLE shop.alone (id INT PRIMARY KEY);")
        point = 1
        while dies_at(a, point, **fields):
            a.adopt()
            with contextlib.suppress(Failure):
                check(not is_open(a) or point < 12, "a half copied server opened")
            if point % 2 and a.process.poll() is None:
                a.kill()
                subprocess.run([a.folder / "start"], check=False)
                a.adopt()
            if point % (2 * STRIDE) == 1:
                with a.agent() as one:
                    one.do("rejoin", deadline_ms=60000, **fields)
                a.adopt()
                same_tables(a, b)
                a.sql("STOP SLAVE; CREATE TABLE shop.alone (id INT PRIMARY KEY)")
            point += STRIDE
        a.adopt()
        print(f"     killed at points up to {point}")
        rejoins(a, b, "follow")


need_mariadb()
missing = [word for word in ("mariadb-binlog", "mariadb-backup", "mbstream", "sshd", "ssh") if not program(word)]
if missing:
    print(f"skipped: not installed: {' '.join(missing)}")
    raise SystemExit(77)
main(nothing_of_its_own, flashback, what_flashback_cannot, cascades, flashback_killed_anywhere, reseed,
     a_seed_that_fails, least_grants, behind_what_is_kept, reseed_killed_anywhere, reseed_killed_at_each_step)
