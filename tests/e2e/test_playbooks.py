"""The playbooks on machines that really boot: hosts as documented, the second time nothing to do, and a service on them
that loses nothing when it is switched, and nothing when its primary loses its power."""

import concurrent.futures
import json
import socket
import subprocess
import time

from harness import check, main, wait_for, world
from machines import HOSTS, MachineWorld, need_machines
from writers import Writers, same_tables


def switch(w, old, new, source, target, epoch):
    """As drorch does it, by the verbs alone."""
    old.do("freeze", epoch=epoch)
    position = old.do("position")["position"]
    new.do("wait", position=position)
    old.do("fence", epoch=epoch)
    new.do("promote", epoch=epoch, position=position)
    w.point_at(w.address(target))
    old.do("follow", epoch=epoch, host=w.address(target), port=3306)
    check(new.do("promote", epoch=epoch, semi_sync=True)["semi_sync"], f"no semi-sync after {source}")


def nothing_more_to_do(w):
    run = w.playbook("site.yml")
    check(set(run) - {"localhost"} == set(HOSTS.values()), run)
    check(all(host["changed"] == host["failed"] == 0 for host in run.values()), f"the second time: {w.said}")


def hosts_are_as_documented(w):
    for site in HOSTS:
        done = w.shell(site, "systemctl is-system-running")
        check(done.stdout.strip() == "running", f"{site}: {done}")
        grants = w.sql(site, "SHOW GRANTS FOR drorch@localhost")
        check("SUPER" not in grants and "ALL PRIVILEGES" not in grants and "READ_ONLY ADMIN" in grants, grants)
        grants = w.sql(site, "SHOW GRANTS FOR booking@localhost")
        check("ON *.*" not in grants.replace("USAGE ON *.*", "") and "READ_ONLY" not in grants, grants)
    # The image that both are of has none; but ed25519's are the lab's.
    keys = {w.shell(site, "cut -d' ' -f2 /etc/ssh/ssh_host_rsa_key.pub /etc/machine-id").stdout for site in HOSTS}
    check(len(keys) == 2 and all(len(key.split()) == 2 for key in keys), f"keys and ids of their own: {keys}")
    with w.session("main") as one, w.session("dr") as two:
        here, there = one.do("status"), two.do("status")
        check(not here["read_only"] and here["semi_sync_master_on"] and here["semi_sync_clients"] == 1, here)
        check(here["semi_sync_wait_point"] == "AFTER_SYNC" and here["server_id"] != there["server_id"], there)
        check(there["read_only"] and not there["replica"]["broken"] and there["replica"]["host"] == w.address("main"),
              there)
        one.finish()
        two.finish()
    tls = w.sql("dr", "SHOW SLAVE STATUS\\G")
    check(tls.splitlines()[-1] and "/etc/mysql/drorch-tls/ca.pem" in tls, f"replication over TLS: {tls}")
    # The watch of dr asks main by that account, too.
    check(w.sql("main", "SELECT COUNT(*) FROM information_schema.processlist WHERE user='repl' AND command LIKE 'Binlog Dump%'")
          == "1", "a replica")


def a_session_and_nothing_else(w):
    words = w.session("main").words
    done = subprocess.run([*words, "id; cat /etc/shadow"], input='{"id":"1","verb":"hello"}\n', capture_output=True,
                          text=True, timeout=30, check=False)
    check('"role":"primary"' in done.stdout and "uid=" not in done.stdout, f"a session: {done}")
    check(subprocess.run([*words[:-1], "-t", words[-1]], stdin=subprocess.DEVNULL, capture_output=True, timeout=30,
                         check=False).stdout == b"", "no terminal")
    stranger = [w.ssh_folder / "provision" if word == w.ssh_folder / "controller" else word for word in words]
    check(subprocess.run(stranger, stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False).returncode
          == 255, "another key")
    for word in ("backup", "session --config /tmp/x", "boot"):
        done = w.shell("main", f"su drorch -s /bin/sh -c 'sudo -n /usr/local/sbin/drorch-agent {word}'")
        check(done.returncode != 0 and "password is required" in done.stderr, f"sudo {word}: {done}")


def firewalled(w):
    """What is listened on and not for everybody does not answer: not even that it is closed."""
    ports = {"22": True, str(w.origin): True, "3306": False, "8480": False}

    def answers(site, port):
        try:
            socket.create_connection((w.address(site), int(port)), timeout=2).close()
            return True
        except TimeoutError:
            return False

    def peers(site):
        ask = f"timeout 2 bash -c ': <>/dev/tcp/{w.address('dr' if site == 'main' else 'main')}/'$port"
        return w.shell(site, f"for port in 22 3306 8480; do ({ask}; echo $port $?) & done; wait")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        from_peers = list(pool.map(peers, HOSTS))
        asked = [(site, port) for site in HOSTS for port in ports]
        from_here = dict(zip(asked, pool.map(answers, *zip(*asked))))
    check(all(open == ports[port] for (_, port), open in from_here.items()), f"from here: {from_here}")
    for done in from_peers:
        check(sorted(done.stdout.splitlines()) == ["22 0", "3306 0", "8480 124"], f"from its peer: {done}")


def idempotent_bookings(w):
    booking = {"guest": "Ada", "room": "12", "id": "ada-1"}
    first, again = w.ask("/bookings", "POST", booking), w.ask("/bookings", "POST", booking)
    check(first[0] == 201 and again == first, f"{first} {again}")
    check(w.ask("/bookings", "POST", {**booking, "guest": "Grace"})[0] == 409, "another booking of that id")
    check(w.ask("/bookings", "POST", {**booking, "id": "it's"})[0] == 400, "an id that is none")
    check(w.ask("/bookings/it's")[0] == 404, "nor to look up")
    quoted = {"guest": "O'Brien \\' \"x\" é \U0001f600", "room": "1", "id": "quoted"}
    check(w.ask("/bookings", "POST", quoted)[0] == 201, "quotes")
    check(w.ask("/bookings/quoted")[2]["guest"] == quoted["guest"], "as they were")


def a_database_that_hangs(w):
    """Within bounds, a clean word, and by itself again."""
    check(w.ask("/healthz")[0] == 200, "well")
    w.shell("main", "systemctl kill --signal=STOP mariadb")
    try:
        began = time.monotonic()
        status, site, _ = w.ask("/bookings", "POST", {"guest": "x", "room": "1"})
        check((status, site) == (503, "main"), f"{status} by {site}")
        check(w.ask("/healthz")[0] == 503, "healthz tells")
        check(time.monotonic() - began < 15, "it took too long")
    finally:
        w.shell("main", "systemctl kill --signal=CONT mariadb")
    wait_for("the service", lambda: w.ask("/healthz")[0] == 200)
    check(w.book("after"), "it takes bookings again")


def switched_and_back(w):
    with w.session("main") as one, w.session("dr") as two, Writers(w) as writers:
        epoch = one.do("hello")["epoch"]
        writers.more()
        switch(w, one, two, "main", "dr", epoch + 1)
        writers.more(site="dr")
        switch(w, two, one, "dr", "main", epoch + 2)
        writers.more(site="main")
    check({status for status, _ in writers.answers()} <= {201, 503}, f"clean answers: {writers.answers()}")
    writers.nothing_lost("main", "dr")
    same_tables(w, "main", "dr")
    print(f"     longest outage of {len(writers.good())} bookings: {writers.outage()[0]:.2f} s")


def files_follow(w):
    """What the application keeps beside its database comes to the replica, and goes there too."""
    def there(site, name):
        return w.shell(site, f"test -e /srv/memphis/{name}").returncode == 0
    w.shell("main", "install -o booking /dev/null /srv/memphis/one; touch /srv/memphis/two")
    wait_for("the files at dr", lambda: there("dr", "one") and there("dr", "two"), 60)
    w.shell("main", "rm /srv/memphis/two")
    wait_for("the file to go", lambda: not there("dr", "two"), 60)
    check(there("dr", "one"), "the other stays")
    # By that key the files are read, and nothing else.
    done = w.shell("dr", "ssh -i /etc/drorch/ssh/files -o UserKnownHostsFile=/etc/drorch/ssh/known_hosts "
                         f"-o BatchMode=yes drorch@{w.address('main')} cat /etc/passwd")
    check(done.returncode != 0 and "root:" not in done.stdout, f"only rsync: {done}")
    done = w.shell("dr", "rsync -e 'ssh -i /etc/drorch/ssh/files -o UserKnownHostsFile=/etc/drorch/ssh/known_hosts "
                         f"-o BatchMode=yes' /etc/hostname drorch@{w.address('main')}:/")
    check(done.returncode != 0 and not there("main", "hostname"), f"only reading: {done}")


def power_is_lost(w):
    """The replica has all that was acknowledged; the old primary comes back read-only, and rejoin.yml has it follow."""
    with Writers(w) as writers, w.session("dr") as two, w.heard("dr"):
        writers.more(100)
        epoch = max(two.do("hello")["epoch"], json.loads(w.shell(
            "main", """echo '{"id":"1","verb":"hello"}' | drorch-agent session""").stdout)["result"]["epoch"]) + 1
        w.lab("kill", w.instance("main"), "--wait")
        two.do("promote", epoch=epoch)
        w.point_at(w.address("dr"))
        writers.more(site="dr")
        w.lab("power", w.instance("main"), "on", "--wait")
        wait_for("main's database", lambda: w.shell("main", "mariadb-admin ping").returncode == 0, 60)
        check(w.sql("main", "SELECT @@read_only") == "1", "an old primary comes back read-only")
        run = w.playbook("rejoin.yml", "-e", "target=memphis_main", "-e", f"primary_host={HOSTS['dr']}")
        check([run[HOSTS[site]]["changed"] for site in ("main", "dr")] == [1, 1], f"{run} {w.said}")
        writers.more(site="dr")
        run = w.playbook("rejoin.yml", "-e", "target=memphis_main", "-e", f"primary_host={HOSTS['dr']}")
        check([run[HOSTS[site]]["changed"] for site in ("main", "dr")] == [0, 0], f"the second time: {w.said}")
        check(two.do("status")["semi_sync_master_on"], "semi-sync")
    writers.nothing_lost("dr", "main")
    same_tables(w, "main", "dr")


def machines():
    with world(kind=MachineWorld) as w:
        print(f"     {w.times}")
        for test in (nothing_more_to_do, hosts_are_as_documented, firewalled, a_session_and_nothing_else, idempotent_bookings,
                     a_database_that_hangs, files_follow, switched_and_back, power_is_lost, firewalled):
            began = time.monotonic()
            test(w)
            print(f"     {test.__name__} ({time.monotonic() - began:.1f} s)", flush=True)


if __name__ == "__main__":
    need_machines()
    main(machines)
