"""A weighted name through a disaster and home again: a promote gives the new site the shares, at both kinds of providers."""

import json
import shutil
import subprocess
import sys

from harness import MAIN, TIER2, check, main, wait_for, world
from reconcile_world import ZONE, ReconcileWorld
from test_reconcile_sites import weights

SHOP, STORE = f"shop.{ZONE}", f"store.{ZONE}"
SHARES = {"main": 90, "tier2": 10}


def balancer(w):
    """{site: (weight, [address, …])} of the load balancer at Cloudflare."""
    pools = {pool["id"]: pool for pool in w.cloudflare("GET", f"/accounts/{w.account()}/load_balancers/pools")}
    found = {}
    for one in w.cloudflare("GET", f"/zones/{w.zone}/load_balancers"):
        if one["name"] == STORE:
            for pool in one["default_pools"]:
                share = one["random_steering"]["pool_weights"].get(pool, 1)
                found[pools[pool]["name"].rpartition("__")[2]] = (
                    round(share * 100), [origin["address"] for origin in pools[pool]["origins"]])
    return found


class WeightedWorld(ReconcileWorld):
    def account(self):
        return self.cloudflare("GET", "/zones")[0]["account"]["id"]

    def first_service(self):
        """Besides the name that is switched as a whole: one by weight at Route 53, one at Cloudflare."""
        service = super().first_service()
        service["traffic"]["shop"] = {"name": SHOP, "type": "A", "policy": {"weighted": dict(SHARES)},
                                      "paths": [{"provider": "names", "zone": ZONE, "ttl": "60s"}]}
        service["traffic"]["store"] = {"name": STORE, "type": "A", "policy": {"weighted": dict(SHARES)},
                                       "paths": [{"provider": "cloudflare", "zone": ZONE, "proxied": True}],
                                       "verify": service["traffic"]["www"]["verify"]}
        return service

    def next_site_at(self, number):
        """Nobody resolves names of the lab: where the site will be that a promote makes, as the shop is verified there."""
        address = self.main["address"].rpartition(".")[0] + f".{number}"
        self.service["traffic"]["shop"]["verify"] = {"scheme": "http", "address": address, "port": self.origin}
        self.commit_specs()

    def shop_leads_to(self):
        """What the vendor's name server says, asked a few times."""
        port = json.loads((self.lab_state / "lab.json").read_text())["route53_dns_port"]
        return {line for _ in range(5) for line in subprocess.run(
            ["dig", "@127.0.0.1", "-p", str(port), SHOP, "A", "+short", "+norecurse", "+time=2", "+tries=2"],
            capture_output=True, text=True, timeout=30).stdout.split()}

    def store_is_answered_by(self):
        """The sites that guests meet through the edge."""
        return {self.ask("/healthz", host=STORE)[1] for _ in range(5)}


def a_site_is_lost():
    """The promote gives the new site the lost one's share; what is left over is reconcile's; the way home gives it back."""
    with world(kind=WeightedWorld) as w:
        w.book("guest")
        w.backup()
        w.applied("weighted names")
        w.quiet("main has all of the traffic: tier2 runs nowhere")
        check(weights(w) == {"main": 90}, weights(w))
        check(balancer(w) == {"main": (90, [w.main["address"]])}, balancer(w))
        w.next_site_at(2)
        w.lose_main()
        done = w.promote()
        check(done.returncode == 0, f"promote: {done}")
        (instance,) = w.instances(TIER2)
        check(weights(w) == {"main": 0, "tier2": 100}, weights(w))
        check(balancer(w)["tier2"] == (100, [instance["address"]]) and balancer(w)["main"][0] == 0, balancer(w))
        wait_for("the shop at tier2", lambda: w.shop_leads_to() == {instance["address"]})
        wait_for("the store at tier2", lambda: w.store_is_answered_by() == {"tier2"})
        check(w.apply().returncode == 1 and weights(w) == {"main": 0, "tier2": 100}, "while main is not known it is left")
        w.lab("restore-site", MAIN)
        w.ec2(MAIN, "TerminateInstances", InstanceId_1=w.main["id"])
        wait_for("nothing of the old main", lambda: not w.instances(MAIN))
        w.applied("the lost site's sets go, tier2's are checked")
        w.quiet("after the promote")
        check(weights(w) == {"tier2": 100}, weights(w))
        check(balancer(w) == {"tier2": (100, [instance["address"]])}, balancer(w))
        home(w, instance)


def home(w, away):
    """As the runbook has it: the two change places, and main is promoted."""
    sites = w.service["sites"]
    sites["tier2"]["role"] = "primary"
    for key in ("strategy", "restores", "agent"):
        sites["main"][key] = sites["tier2"].pop(key)
    del sites["main"]["role"]
    w.service["backups"]["offsite"]["source"] = "tier2"
    for name in ("shop", "store"):
        w.service["traffic"][name]["policy"]["weighted"] = {"tier2": 90, "main": 10}
    w.next_site_at(1)  # it is free again
    w.applied("the shares are the new roles'")
    w.quiet("nothing moves by a commit")
    check(weights(w) == {"tier2": 90} and w.store_is_answered_by() == {"tier2"}, weights(w))
    w.backup(away)
    done = w.drorch("promote", "main", "--confirm", "main", "--override-rule", "old-site-well", "--reason", "going home")
    check(done.returncode == 0, f"promote: {done}")
    (instance,) = [i for i in w.instances(MAIN) if i["state"] == "running"]
    check(weights(w) == {"main": 100, "tier2": 0}, weights(w))
    wait_for("the shop at main", lambda: w.shop_leads_to() == {instance["address"]})
    wait_for("the store at main", lambda: w.store_is_answered_by() == {"main"})


if __name__ == "__main__":
    if not shutil.which("dig"):
        print("dig is not installed (bind9-dnsutils)")
        sys.exit(77)
    main(a_site_is_lost)
