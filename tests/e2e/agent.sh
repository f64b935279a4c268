#!/bin/bash
# drorch-agent against an S3 server: backups that are whole or none, restores that are checked or
# not made, a first boot that happens once. Skips (77) where a program it needs is missing.
#   agent.sh lab|moto: against drorch-lab, or against moto's S3
set -u

build=${DRORCH_BUILD:?}
agent=$build/agent/drorch-agent
here=$(cd "$(dirname "$0")" && pwd)
server=$1
for program in curl sqlite3 python3 $([ "$server" = moto ] && echo moto_server); do
	command -v "$program" >/dev/null || { echo "SKIPPED: no $program"; exit 77; }
done

work=$(mktemp -d /tmp/drorch-agent-e2e-XXXXXX)
pids=()
finish() {
	for pid in "${pids[@]}"; do kill -9 "$pid" 2>/dev/null; done
	rm -rf "$work"
}
trap finish EXIT
cd "$work" || exit 1
fail() {
	echo "FAILED: $*"
	for log in boot.log backup.log; do [ -f $log ] && sed "s/^/$log: /" $log; done
	exit 1
}
passed() { echo "ok: $*"; }

# Waits for a command to succeed: until TIMES tenths of a second have gone.
await() {
	local times=$1
	shift
	while ! "$@" >/dev/null 2>&1; do
		[ "$((times -= 1))" -gt 0 ] || return 1
		sleep 0.1
	done
}

# ---- the store ------------------------------------------------------------------------------

export AWS_ACCESS_KEY_ID=AKIDEXAMPLE AWS_SECRET_ACCESS_KEY=canary-secret
start_moto() {
	moto_server -H 127.0.0.1 -p 0 >store.log 2>&1 &
	pids+=($!)
	await 600 grep -q 'Running on http' store.log || fail "moto_server does not start"
	store=$(sed -n 's/.*Running on \(http:[^ ]*\).*/\1/p' store.log | head -1)
}
start_lab() {
	"$build/lab/drorch-lab" up --foreground --state "$work/lab" >store.log 2>&1 &
	pids+=($!)
	await 600 test -s lab/lab.json || fail "the lab does not start: $(cat store.log)"
	store=http://127.0.0.1:$(sed -n 's/.*"port":\([0-9]*\).*/\1/p' lab/lab.json)
	AWS_ACCESS_KEY_ID=$(sed -n 's/^AWS_ACCESS_KEY_ID=//p' lab/credentials)
	AWS_SECRET_ACCESS_KEY=$(sed -n 's/^AWS_SECRET_ACCESS_KEY=//p' lab/credentials)
}
"start_$server"

# s3 METHOD PATH [FILE]
s3() { python3 "$here/s3.py" "$1" "$store/$2" "${@:3}"; }
await 100 s3 PUT memphis-dr || fail "no bucket: $(s3 PUT memphis-dr 2>&1)"

keys() { s3 GET "memphis-dr?list-type=2&prefix=$1" | grep -o '<Key>[^<]*' | sed 's/<Key>//'; }
ids() { keys offsite/ | sed 's|^offsite/\([^/]*\)/.*|\1|' | sort -u; }

# ---- the agent ------------------------------------------------------------------------------

umask 077
mkdir credentials && printf %s "$AWS_ACCESS_KEY_ID" >credentials/id &&
	printf %s "$AWS_SECRET_ACCESS_KEY" >credentials/secret

# configure KIND PATH [LINE]...: writes agent.yaml; state and target are new.
configure() {
	local kind=$1 path=$2
	shift 2
	rm -rf state restored
	cat >agent.yaml <<END
service: memphis
site: main
plugins: $build/plugins
state: $work/state
store:
  plugin: aws
  region: us-east-1
  endpoint: $store
  path_style: true
  bucket: memphis-dr
  prefix: offsite/
  credentials:
    access_key_id: {file: $work/credentials/id}
    secret_access_key: {file: $work/credentials/secret}
source: {kind: $kind, path: $path}
backup: {part_mib: 1, deadline: 2m}
restore: {path: $work/restored/data, deadline: 1m}
listen: {address: 127.0.0.1, port: 0}
start: {command: [/bin/sh, -c, 'echo started \$DRORCH_SITE \$DRORCH_ROLE >>$work/service.log; exec sleep 1000']}
END
	for line; do echo "$line" >>agent.yaml; done
}

backup() { "$agent" backup --config agent.yaml -o json >manifest.json 2>backup.log; }
id_of() { sed -n 's/.*"id":"\([^"]*\)".*/\1/p' manifest.json; }

# user_data ID SHA256 [SERVICE]
user_data() {
	cat >user-data.json <<END
{"drorch":1,"service":"${3:-memphis}","site":"tier2","role":"standby","run":"r-1","backup":{"id":"$1",
"policy":"offsite","store":{"bucket":"memphis-dr","prefix":"offsite/","region":"us-east-1"},"manifest_sha256":"$2"}}
END
}
user_data_of_backup() { user_data "$(id_of)" "$(sha256sum manifest.json | cut -d' ' -f1)"; }

progress() { curl -s -m 5 "$(sed -n 's/.*progress on \(http.*\)/\1/p' boot.log | head -1)"; }
reached() { progress | grep -q "\"state\":\"$1\""; }

# boot STATE: starts the agent and waits until it tells that state.
boot() {
	"$agent" boot --config agent.yaml --user-data user-data.json >boot.log 2>&1 &
	boot_pid=$!
	pids+=("$boot_pid")
	await 600 reached "$1" || fail "not $1: $(progress)"
}
stop() {
	kill "$boot_pid"
	wait "$boot_pid"
	stopped=$?
}
rows() { sqlite3 "$1" 'select count(*) from t'; }
nothing_restored() {
	[ -z "$(ls -A restored 2>/dev/null)" ] || fail "$1: $(ls -A restored)"
}

# ---- a database, whole ----------------------------------------------------------------------

mkdir data
sqlite3 data/db "pragma journal_mode=wal; create table t(a, b);
	with recursive c(x) as (select 1 union all select x + 1 from c where x < 80000)
	insert into t select x, randomblob(24) from c" >/dev/null
configure sqlite "$work/data/db"
backup || fail "backup"
[ "$(keys offsite/ | wc -l)" -ge 3 ] || fail "it was to have several parts: $(keys offsite/)"
keys "offsite/$(id_of)/" | grep -q manifest.json || fail "no manifest"
[ -z "$(find data state -name '*drorch*' -o -path '*/backup/*')" ] || fail "left something behind"
sqlite3 data/db "insert into t values (0, 'after the backup')"
user_data_of_backup
boot ready
[ "$(rows restored/data)" = 80000 ] || fail "rows: $(rows restored/data)"
[ "$(cat service.log)" = "started tier2 standby" ] || fail "service: $(cat service.log)"
progress | grep -q "\"backup\":\"$(id_of)\",\"done_bytes\":\([0-9]*\),\"total_bytes\":\1," ||
	fail "progress: $(progress)"
service_pid=$(pgrep -P "$boot_pid")
stop
[ "$stopped" = 0 ] || fail "stopped with $stopped"
kill -0 "$service_pid" 2>/dev/null && fail "the service outlived the agent"
passed "a database comes back, the service is started and stopped"

sqlite3 restored/data "insert into t values (1, 'written at the new site')"
boot ready
[ "$(rows restored/data)" = 80001 ] || fail "the second boot restored again"
stop
passed "a second boot restores nothing"

cp manifest.json first.json
first_id=$(id_of) first_sum=$(sha256sum manifest.json | cut -d' ' -f1)
backup || fail "second backup"
user_data_of_backup
boot failed
progress | grep -q "made from backup $first_id" || fail "progress: $(progress)"
[ "$(rows restored/data)" = 80001 ] || fail "data was overwritten"
stop
passed "another backup is not put over restored data"

# ---- refusals -------------------------------------------------------------------------------

configure sqlite "$work/data/db"
user_data "$first_id" "$first_sum" cairo
boot failed
progress | grep -q 'cairo' || fail "progress: $(progress)"
stop
nothing_restored "foreign service"
user_data "$first_id" "${first_sum//[0-9]/0}"
boot failed
progress | grep -q 'not the one that was chosen' || fail "progress: $(progress)"
stop
nothing_restored "wrong manifest"
passed "a foreign service and a wrong manifest are refused"

mkdir -p restored && echo precious >restored/data
user_data "$first_id" "$first_sum"
boot failed
stop
[ "$(cat restored/data)" = precious ] || fail "existing data was touched"
rm -r restored
passed "what is there already is not touched"

victim=$(keys "offsite/$first_id/data" | tail -1)
size=$(sed -n 's/.*"key":"data[^,]*,"size":\([0-9]*\),.*/\1/p' first.json | tail -1)
head -c "$size" /dev/urandom >object
s3 PUT "memphis-dr/$victim" object || fail "cannot spoil $victim"
boot failed
progress | grep -q 'not what was backed up' || fail "progress: $(progress)"
stop
nothing_restored "spoilt object"
s3 DELETE "memphis-dr/$victim" || fail "cannot delete $victim"
boot failed
stop
nothing_restored "missing object"
s3 DELETE "memphis-dr/offsite/$first_id/manifest.json" || fail "cannot delete the manifest"
boot failed
stop
nothing_restored "missing manifest"
passed "spoilt, missing and torn backups are refused, and leave nothing"

# ---- a folder -------------------------------------------------------------------------------

mkdir -p files/sub && head -c 3000000 /dev/urandom >files/sub/random && ln -s sub/random files/link
chmod 640 files/sub/random
configure directory "$work/files"
backup || fail "backup of a folder"
user_data_of_backup
boot ready
stop
diff -r files restored/data || fail "the folder differs"
[ "$(stat -c %a restored/data/sub/random)" = 640 ] || fail "modes differ"
passed "a folder comes back"

# ---- a bad network --------------------------------------------------------------------------

if [ "$server" = lab ]; then
	fault() { "$build/lab/drorch-lab" fault add "$@" --state "$work/lab" >/dev/null || fail "fault $*"; }
	# Each put is committed but its answer lost once; the manifest then conflicts with itself.
	before=$(ids)
	fault drop --vendor s3 --operation PutObject --count 5
	backup || fail "backup while answers are lost"
	[ "$(ids | wc -l)" = $(($(wc -w <<<"$before") + 1)) ] || fail "backups: $(ids)"
	fault status --vendor s3 --operation GetObject --count 3 --status 503 --code SlowDown
	fault truncate --vendor s3 --operation GetObject --count 2
	configure directory "$work/files"
	user_data_of_backup
	boot ready
	stop
	diff -r files restored/data || fail "the folder differs"
	passed "lost answers, throttling and cut downloads are got over"
fi

# ---- killed ---------------------------------------------------------------------------------

# A backup that ends before it can be killed proves nothing: then with more data.
size=20000000
killed=''
for _ in 1 2 3 4; do
	head -c $size /dev/urandom >files/sub/random
	known=$(keys offsite/ | wc -l)
	ids >known-ids
	"$agent" backup --config agent.yaml >/dev/null 2>backup.log &
	pid=$!
	while kill -0 $pid 2>/dev/null && [ "$(keys offsite/ | wc -l)" -lt $((known + 2)) ]; do :; done
	kill -9 $pid 2>/dev/null
	wait $pid 2>/dev/null
	code=$?
	torn=$(ids | comm -13 known-ids -)
	# With its manifest it was killed after its end: one that wrote it first never gets past here.
	[ $code = 137 ] && ! keys "offsite/$torn/" | grep -q manifest.json && killed=yes && break
	size=$((size * 2))
done
[ -n "$killed" ] || fail "no backup could be killed in the middle, without a manifest"
[ "$(keys "offsite/$torn/" | wc -l)" -ge 2 ] || fail "it was killed too early"
backup || fail "the backup after the killed one"
[ -z "$(find state -path '*/backup/*')" ] || fail "parts were left behind"
passed "a killed backup has no manifest, and the next one works"

configure directory "$work/files"
user_data_of_backup
"$agent" boot --config agent.yaml --user-data user-data.json >boot.log 2>&1 &
pid=$!
await 300 test -e restored/data.drorch-restore
kill -9 $pid
wait $pid 2>/dev/null
boot ready
stop
diff -r files restored/data || fail "the folder differs after a killed restore"
[ "$(ls -A restored)" = data ] || fail "left behind: $(ls -A restored)"
passed "a killed restore is made again, whole"

# ---- the service ----------------------------------------------------------------------------

: >service.log
boot ready
kill -9 "$(pgrep -P "$boot_pid")"
started_twice() { [ "$(wc -l <service.log)" = 2 ]; }
await 100 started_twice || fail "the service was not started again"
await 100 reached ready || fail "not ready again"
progress | grep -q 'killed by signal 9' || fail "progress: $(progress)"
kill -9 "$boot_pid"
wait "$boot_pid" 2>/dev/null
passed "a service that dies is started again"

exec 9<>state/backup.lock
flock 9
backup && fail "two backups at once"
"$agent" backup --config agent.yaml 2>/dev/null
[ $? = 11 ] || fail "not told as busy"
exec 9>&-
passed "one backup at a time"

grep -l "$AWS_SECRET_ACCESS_KEY" ./*.log ./*.json && fail "a secret was told"
passed "no secret in any log"
