"""drorch-agent's session beside real MariaDB servers: a switch loses nothing, a stale controller changes nothing, and
whatever is killed in the middle can be done again."""

import json
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile
import time

from databases import AGENT, GRANTS, Agent, Writers, free_port, need_mariadb, pair
from harness import check, main, wait_for

TABLE = "shop.orders"


def same_tables(a, b):
    def sums():
        return [server.sql(f"CHECKSUM TABLE {TABLE} EXTENDED") for server in (a, b)]
    wait_for("both tables to be alike", lambda: len(set(sums())) == 1)


def switch(one, two, old, new, epoch):
    """As the controller will do it: the verbs and nothing else. Returns the last write's position."""
    one.do("freeze", epoch=epoch)
    position = one.do("position")
    check(position["final"], position)
    two.do("wait", position=position["position"])
    one.do("fence", epoch=epoch)
    check(two.do("promote", epoch=epoch, position=position["position"])["already"] is False, "promoted before?")
    one.do("follow", epoch=epoch, host="127.0.0.1", port=new.port)
    check(two.do("promote", epoch=epoch, semi_sync=True) ==
          {"epoch": epoch, "boots_fenced": True, "already": True, "semi_sync": True}, "no semi-sync after the switch")
    return position["position"]


def planned_switch():
    with pair() as (a, b), a.agent() as one, b.agent() as two:
        writers = Writers([a, b])
        try:
            writers.more()
            # So that the old primary must go on from where it wrote: what came before is nowhere any more.
            b.sql("FLUSH BINARY LOGS; PURGE BINARY LOGS TO 'binlog.000002'")
            switch(one, two, a, b, 2)
            writers.more()
            switch(two, one, b, a, 3)
            writers.more()
        finally:
            writers.stop()
        check(not writers.lost(a), f"lost: {writers.lost(a)}")
        same_tables(a, b)
        here, there = one.do("status"), two.do("status")
        check(not here["read_only"] and here["replica"] is None and here["semi_sync_master_on"], here)
        check(there["read_only"] and not there["replica"]["broken"] and there["replica"]["lag_s"] == 0, there)
        check(one.do("hello")["role"] == "primary" and two.do("hello")["role"] == "replica", "roles")
        one.finish()
        two.finish()


def no_commit_slips_through():
    """The position of a frozen server is its last: transactions that were open or on their way are not committed."""
    with pair() as (a, _), a.agent() as one:
        writers = Writers([a])
        try:
            writers.more()
            with a.hold("START TRANSACTION; INSERT INTO shop.orders VALUES (9, 1)", "app", "app-secret") as late:
                check(one.do("freeze", epoch=2)["evicted"] > 0, "nobody was connected")
                position = one.do("position")["position"]
                check(not late.goes_on("COMMIT"), "an open transaction outlived the freeze")
        finally:
            writers.stop()
        check(a.sql("SELECT @@gtid_binlog_pos") == position, "something was written to a frozen server")
        check(a.sql("SELECT COUNT(*) FROM shop.orders WHERE writer=9") == "0", "a late commit got through")
        check(not writers.lost(a), "lost")
        check(one.do("thaw", epoch=2)["already"] is False, "it was frozen")
        writers = Writers([a], 1)
        writers.more(5)
        writers.stop()


def busy_server_is_not_frozen():
    """A write that does not end: the freeze gives up in time, and writes go on as if nothing had been asked."""
    with pair() as (a, _), a.agent() as one:
        with a.hold("LOCK TABLES shop.orders WRITE"):
            answer = one.refuse("EAGAIN", "freeze", epoch=2, deadline_ms=1500)
            check("do not end" in answer["error"]["message"], answer)
            check(one.do("hello")["pending"] == "", "nothing is pending after a refusal")
        writers = Writers([a], 1)
        writers.more(5)
        with a.hold("LOCK TABLES shop.orders READ"):
            one.do("freeze", epoch=2)
        writers.stop()


def stale_controller():
    with pair() as (a, b), a.agent() as one, b.agent() as two:
        two.do("fence", epoch=7)
        before = b.sql("SELECT @@read_only, @@gtid_slave_pos"), (b.folder / "state" / "lease.json").read_text()
        for verb in ("freeze", "fence", "thaw", "promote"):
            two.refuse("ESAFETY", verb, epoch=6)
        two.refuse("ESAFETY", "follow", epoch=6, host="127.0.0.1", port=1)
        after = b.sql("SELECT @@read_only, @@gtid_slave_pos"), (b.folder / "state" / "lease.json").read_text()
        check(before == after, f"{before} became {after}")
        two.refuse("ESAFETY", "thaw", epoch=7)  # a replica is not opened so
        two.refuse("EINVAL", "freeze")
        one.do("freeze", epoch=2)
        check(one.do("freeze", epoch=2)["already"], "the same epoch may repeat")
        one.do("thaw", epoch=2)
        one.do("fence", epoch=3)
        one.refuse("ESAFETY", "thaw", epoch=4)
        one.refuse("ESAFETY", "promote", epoch=4)
        one.do("thaw", epoch=4, unfence=True)
        check(a.sql("SELECT @@read_only") == "0", "open")
        (a.folder / "state" / "lease.json").write_text("{}")
        one.refuse("ECORRUPT", "freeze", epoch=9)


def killed_anywhere():
    """Each verb's agent is killed while the server holds its statement back, and then, at no chosen moment, while it
    runs freely. The same verb again gives the same world."""
    with pair() as (a, b), a.agent() as one:
        position = one.do("position")["position"]

        def die(server, verb, freely=False, **fields):
            agent = server.agent()
            if not freely:
                agent.do("status")  # so that it is the verb's own statement that hangs
                server.signal(signal.SIGSTOP)
            agent.send(verb, **fields)
            if "epoch" in fields:
                lease = server.folder / "state" / "lease.json"
                wait_for(f"{verb} to begin", lambda: json.loads(lease.read_text())["pending"] == verb
                         or freely and agent.process.poll() is None)
            time.sleep(0.01 * (fields.get("epoch", 1) % 3))  # somewhere in it
            agent.kill()
            server.signal(signal.SIGCONT)
            with server.agent() as again:
                return again.do(verb, **fields)

        for freely in (False, True):
            epoch = 20 if freely else 10
            die(a, "freeze", freely, epoch=epoch)
            die(a, "position", freely)
            die(b, "wait", freely, position=position)
            die(a, "thaw", freely, epoch=epoch + 1)
            check(a.sql("SELECT @@read_only") == "0", "open")
            die(a, "fence", freely, epoch=epoch + 2)
            die(b, "promote", freely, epoch=epoch + 2, position=position)
            check(b.sql("SELECT @@read_only") == "0", "open")
            die(a, "follow", freely, epoch=epoch + 3, host="127.0.0.1", port=b.port)
            b.sql("INSERT INTO shop.orders VALUES (8, %d)" % epoch)
            same_tables(a, b)
            a, b = b, a
            with a.agent() as now:
                position = now.do("position")["position"]
                check(now.do("hello")["pending"] == "", "pending")


def hung_server():
    """A server that hangs is left by the deadline, with a clear word; when it wakes the newest word counts."""
    with pair() as (a, _), a.agent() as old, a.agent() as new:
        old.do("freeze", epoch=2)
        new.do("status")
        a.signal(signal.SIGSTOP)
        for agent, verb, fields in ((old, "thaw", {"epoch": 2}), (new, "status", {}), (new, "position", {})):
            answer = agent.refuse("EAGAIN", verb, deadline_ms=700, **fields)
            check("by the deadline" in answer["error"]["message"], answer)
        found = new.do("check", deadline_ms=700)
        check(found["checks"]["database"]["ok"] is False, found)
        new.send("fence", epoch=3, deadline_ms=20000)
        wait_for("the fence to begin", lambda: json.loads(
            (a.folder / "state" / "lease.json").read_text())["pending"] == "fence")
        a.signal(signal.SIGCONT)
        check("result" in new.line(), "fenced")
        check(a.sql("SELECT @@read_only") == "1", "a fenced server is open")
        check(old.do("check")["checks"]["replication"]["ok"] is None, "the primary follows none")


def late_statement():
    """A killed agent's statement still waits in the server when somebody newer says the opposite."""
    waiting = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE INFO LIKE 'SET GLOBAL read_only%'"
    with pair() as (a, b), a.agent() as old, a.agent() as new:
        with a.hold("LOCK TABLES shop.orders WRITE"):
            old.send("follow", epoch=2, host="127.0.0.1", port=b.port, deadline_ms=60000)
            wait_for("the statement", lambda: a.sql(waiting) == "1")
            old.kill()
            check(new.do("thaw", epoch=3)["already"], "it was open")
        wait_for("it to be gone", lambda: a.sql(waiting) == "0")
        check(a.sql("SELECT @@read_only") == "0", "a late statement closed what was opened after it")
        check(new.do("status")["replica"] is None, "a killed follow went on")


def link_cut():
    """The primary is gone: the wait ends, tells that lag is not known, and how far the replica came."""
    with pair() as (a, b), b.agent() as two:
        a.sql("INSERT INTO shop.orders VALUES (1, 1)")
        seen = a.sql("SELECT @@gtid_binlog_pos")
        two.do("wait", position=seen)
        a.stop()
        wait_for("the replica to see it", lambda: two.do("status")["replica"]["broken"])
        answer = two.refuse("ETIMEDOUT", "wait", position="0-1-1000", deadline_ms=1200)
        replica = answer["facts"]["replica"]
        check(replica["broken"] and replica["lag_s"] is None and replica["seen"] == seen, answer)
        check(answer["facts"]["applied"] == seen and seen in answer["error"]["message"], answer)
        found = two.do("check")
        check(found["ok"] is False and found["checks"]["replication"]["ok"] is False, found)
        check(found["checks"]["connections"]["ok"] and found["checks"]["replication"]["note"], found)
        two.refuse("ETIMEDOUT", "promote", epoch=2, position="0-1-1000", deadline_ms=1200)
        check(b.sql("SELECT @@read_only") == "1", "open without what was asked for")
        two.do("promote", epoch=2, position=seen)


def failover():
    """The primary is killed under load. With AFTER_SYNC all that was acknowledged is on the replica; the old one comes
    back read-only, and follows."""
    with pair() as (a, b), b.agent() as two:
        writers = Writers([a, b])
        try:
            writers.more()
            a.kill()
            two.do("promote", epoch=2)
            writers.more()
            a.start()
            check(a.sql("SELECT @@read_only") == "1", "a dead primary came back writable")
            with a.agent() as one:
                one.do("follow", epoch=2, host="127.0.0.1", port=b.port)
            check(two.do("promote", epoch=2, semi_sync=True)["semi_sync"], "no semi-sync")
            writers.more()
        finally:
            writers.stop()
        check(not writers.lost(b), f"lost: {writers.lost(b)}")
        same_tables(a, b)


def relay_log_is_kept():
    """What a replica received and has not applied yet is applied before it opens, or it does not open."""
    with pair() as (a, b), b.agent() as two:
        with b.hold("FLUSH TABLES WITH READ LOCK"):
            a.sql("INSERT INTO shop.orders VALUES (1, 1), (1, 2)")
            seen = a.sql("SELECT @@gtid_binlog_pos")
            wait_for("the replica to receive it", lambda: two.do("status")["replica"]["seen"] == seen)
            a.kill()
            two.refuse("ETIMEDOUT", "promote", epoch=2, deadline_ms=2500)
            check(b.sql("SELECT @@read_only") == "1", "open before all was applied")
        b.sql("STOP SLAVE")
        wait_for("the stop", lambda: two.do("status")["replica"]["sql"] == "stopped")
        two.do("promote", epoch=2)
        check(b.sql("SELECT COUNT(*) FROM shop.orders") == "2", "what was received is lost")


def stopped_sql_thread():
    with pair() as (a, b), b.agent() as two:
        b.sql("STOP SLAVE SQL_THREAD")
        a.sql("INSERT INTO shop.orders VALUES (1, 1)")
        seen = a.sql("SELECT @@gtid_binlog_pos")
        wait_for("the replica to receive it", lambda: two.do("status")["replica"]["seen"] == seen)
        two.refuse("ECONFLICT", "promote", epoch=2)
        check(two.do("status")["replica"]["io"] != "stopped", "a refused promote stopped replication")
        a.kill()
        b.sql("STOP SLAVE")
        check("has not applied" in two.refuse("ECONFLICT", "promote", epoch=2)["error"]["message"], "opened")
        check(b.sql("SELECT @@read_only") == "1", "open without what was received")


def least_grants():
    """Each of the documented grants is needed, and together they are enough: every other test has no more."""
    with pair() as (a, b), b.agent() as two:
        needing = {"READ_ONLY ADMIN": ("fence", {"epoch": 2}), "RELOAD": ("freeze", {"epoch": 2}),
                   "REPLICATION SLAVE ADMIN": ("promote", {"epoch": 2}), "SLAVE MONITOR": ("status", {}),
                   "REPLICATION MASTER ADMIN": ("follow", {"epoch": 2, "host": "127.0.0.1", "port": a.port}),
                   "CONNECTION ADMIN": ("fence", {"epoch": 2}), "PROCESS": ("fence", {"epoch": 2})}
        check(sorted(needing) == sorted(GRANTS), "a grant without a proof")
        b.sql("SET GLOBAL read_only=0")
        for grant, (verb, fields) in needing.items():
            b.sql(f"REVOKE {grant} ON *.* FROM {b.agent_user}")
            with b.agent() as poor:
                with b.hold("DO 1", "app", "app-secret"):
                    poor.refuse("EAUTH", verb, **fields)
            b.sql(f"GRANT {grant} ON *.* TO {b.agent_user}; SET GLOBAL read_only=0")
        with b.agent() as rich:
            rich.do("fence", epoch=2)
            check("SUPER" not in b.sql(f"SHOW GRANTS FOR {b.agent_user}"), "SUPER")
        (b.secrets / "agent").write_text("wrong")
        with b.agent() as stranger:
            stranger.refuse("EAUTH", "status")


def verified_tls():
    """A replica does not follow somebody who only claims to be the primary."""
    with pair() as (a, b):
        text = (b.folder / "agent.yaml").read_text()
        (b.folder / "agent.yaml").write_text(text.replace("tls/cert.pem", "tls/stranger.pem"))
        with b.agent() as two:
            b.sql("STOP SLAVE; RESET SLAVE ALL")
            answer = two.refuse("ETIMEDOUT", "follow", epoch=2, host="127.0.0.1", port=a.port, deadline_ms=2500)
            check("SSL" in answer["error"]["message"] or "certificate" in answer["error"]["message"], answer)
        (b.folder / "agent.yaml").write_text(text)
        with b.agent() as two:
            # The right signer, another name: the certificate is for 127.0.0.1.
            two.refuse("ETIMEDOUT", "follow", epoch=2, host="127.0.0.2", port=a.port, deadline_ms=2500)
            two.do("follow", epoch=2, host="127.0.0.1", port=a.port)


def over_ssh():
    """The forced command of docs/agent.md, with a real sshd."""
    sshd = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")
    if not sshd or pwd.getpwuid(os.getuid()).pw_shell.endswith(("nologin", "false")):
        print("     over_ssh: no sshd here, or no shell of ours: not tried")
        return
    with pair() as (a, _):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="drorch-ssh-"))
        made = os.getuid() == 0 and not os.path.isdir("/run/sshd")
        daemon = None
        try:
            if made:
                os.mkdir("/run/sshd", 0o755)
            for key in ("host", "client"):
                subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / key], check=True)
            public = (folder / "client.pub").read_text()
            (folder / "keys").write_text(
                f'command="{AGENT} session --config {a.folder}/agent.yaml",restrict {public}')
            port = free_port()
            (folder / "config").write_text(
                f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/keys\n"
                f"StrictModes no\nUsePAM no\nPermitRootLogin forced-commands-only\nPidFile none\n"
                f"PasswordAuthentication no\n")
            daemon = subprocess.Popen([sshd, "-D", "-f", folder / "config"], stdin=subprocess.DEVNULL,
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            words = ["ssh", "-T", "-F", "none", "-p", str(port), "-i", str(folder / "client"), "-o", "BatchMode=yes",
                     "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
                     "127.0.0.1", "rm", "-rf", "/anything"]

            def up():
                done = subprocess.run(words, input="", capture_output=True, text=True, timeout=30, check=False)
                return done.returncode == 0
            wait_for("sshd", up)
            with Agent(a, words) as far:
                check(far.do("hello")["site"] == "a", "hello")
                check(far.do("status")["read_only"] is False, "status")
                far.do("freeze", epoch=2)
                check(far.do("position")["final"], "position")
        finally:
            if daemon:
                daemon.terminate()
                daemon.wait()
            if made:
                os.rmdir("/run/sshd")
            shutil.rmtree(folder)


need_mariadb()
main(planned_switch, no_commit_slips_through, busy_server_is_not_frozen, stale_controller, killed_anywhere,
     hung_server, late_statement, link_cut, failover, relay_log_is_kept, stopped_sql_thread, least_grants, verified_tls, over_ssh)
