/* Spec repositories: real ones, made by the git command in a folder that goes away. */
#include <arpa/inet.h>
#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/proc.h"
#include "repo/repo.h"

static char top[64], work[96], url[128], mirror[96], signers[96];
static struct dro_error err = DRO_ERROR_INIT;
static struct dro_repo_config config;
static struct dro_tree *tree;
static char commit[DRO_COMMIT_TEXT];

#define OK(call) ck_assert_msg((call) == 0, "%s: %s", #call, err.message)
#define FAILS(code, call)                                                                          \
	do {                                                                                       \
		int got_ = (call);                                                                 \
		ck_assert_msg(got_ == (code), "%s: %d (%s)", #call, got_, err.message);            \
	} while (0)
#define SAYS(text) ck_assert_msg(strstr(err.message, (text)) != NULL, "%s", err.message)

/* Runs a shell line in the top folder; fails the test where it fails. */
static void sh(const char *format, ...)
{
	struct dro_buf said = DRO_BUF_INIT(65536);
	struct dro_proc_result result;
	char line[4096];
	char *argv[] = {"sh", "-ec", line, NULL};
	va_list args;
	int used = snprintf(line, sizeof(line), "cd %s; ", top);

	va_start(args, format);
	vsnprintf(line + used, sizeof(line) - (size_t)used, format, args);
	va_end(args);
	OK(dro_proc_run(argv, NULL, NULL, NULL, &said, dro_now_ms() + 60000, &result, &err));
	ck_assert_msg(result.exit_code == 0, "%s: %s", line, dro_buf_str(&said));
	dro_buf_free(&said);
}

/* The commit that `name` means in the work folder. */
static const char *rev(const char *name)
{
	static char id[DRO_COMMIT_TEXT];
	struct dro_buf said = DRO_BUF_INIT(4096);
	struct dro_proc_result result;
	char *argv[] = {"git", "-C", work, "rev-parse", (char *)name, NULL};

	OK(dro_proc_run(argv, NULL, NULL, &said, NULL, dro_now_ms() + 60000, &result, &err));
	snprintf(id, sizeof(id), "%.40s", dro_buf_str(&said));
	dro_buf_free(&said);
	return id;
}

static void write_file(const char *path, const char *text)
{
	char full[256];

	snprintf(full, sizeof(full), "%s/%s", top, path);
	OK(dro_file_write(full, text, strlen(text), 0644, &err));
}

static void setup(void)
{
	strcpy(top, "/tmp/drorch-repo-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(top));
	snprintf(work, sizeof(work), "%s/work", top);
	snprintf(url, sizeof(url), "file://%s/work", top);
	snprintf(mirror, sizeof(mirror), "%s/state/mirror.git", top);
	snprintf(signers, sizeof(signers), "%s/allowed_signers", top);
	setenv("DRORCH_LIBEXEC", TEST_BUILD_DIR "/bin", 1);
	setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
	setenv("GIT_CONFIG_GLOBAL", "/dev/null", 1);
	setenv("GIT_AUTHOR_NAME", "Team", 1);
	setenv("GIT_AUTHOR_EMAIL", "team@example.org", 1);
	setenv("GIT_COMMITTER_NAME", "Team", 1);
	setenv("GIT_COMMITTER_EMAIL", "team@example.org", 1);
	config = (struct dro_repo_config){.url = url,
		.branch = "main",
		.mirror = mirror,
		.deadline_ms = dro_now_ms() + 30000};
	sh("git init -q -b main work; mkdir work/services; echo a: 1 >work/providers.yaml; "
	   "echo b: 2 >work/services/memphis.yaml; echo readme >work/README.md; cd work; "
	   "git add -A; git commit -qm first");
}

static void teardown(void)
{
	dro_tree_free(tree);
	tree = NULL;
	OK(dro_dir_remove(top, &err));
}

static void commit_all(void)
{
	sh("cd work; git add -A; git commit -qm more");
}

static void sync_ok(const char *last_good)
{
	OK(dro_repo_sync(&config, last_good, commit, &err));
}

/* ---- fetching ------------------------------------------------------------------------------ */

START_TEST(first_and_next_fetch)
{
	char first[DRO_COMMIT_TEXT];

	sync_ok("");
	ck_assert_str_eq(commit, rev("HEAD"));
	strcpy(first, commit);
	OK(dro_repo_read(&config, commit, &tree, &err));
	ck_assert_uint_eq(tree->file_count, 2);
	ck_assert_str_eq(tree->commit, commit);
	ck_assert_str_eq(tree->files[0].path, "providers.yaml");
	ck_assert_str_eq(tree->files[1].path, "services/memphis.yaml");
	ck_assert_str_eq(tree->files[1].data, "b: 2\n");
	dro_tree_free(tree);

	sync_ok(first);
	ck_assert_str_eq(commit, first);
	sh("echo b: 3 >work/services/memphis.yaml");
	commit_all();
	sync_ok(first);
	ck_assert_str_eq(commit, rev("HEAD"));
	OK(dro_repo_read(&config, commit, &tree, &err));
	ck_assert_str_eq(dro_tree_find(tree, "services/memphis.yaml")->data, "b: 3\n");
	dro_tree_free(tree);
	OK(dro_repo_read(&config, first, &tree, &err));
	ck_assert_str_eq(dro_tree_find(tree, "services/memphis.yaml")->data, "b: 2\n");
}
END_TEST

START_TEST(rewind_needs_leave)
{
	char good[DRO_COMMIT_TEXT];

	sh("echo c: 1 >work/services/c.yaml");
	commit_all();
	sync_ok("");
	strcpy(good, commit);

	sh("cd work; git reset -q --hard HEAD~1");
	FAILS(DRO_ESAFETY, dro_repo_sync(&config, good, commit, &err));
	SAYS("rewound");
	SAYS(good);
	sh("cd work; echo d: 1 >services/d.yaml; git add -A; git commit -qm forced");
	FAILS(DRO_ESAFETY, dro_repo_sync(&config, good, commit, &err));
	SAYS(rev("HEAD"));

	/* What was good is still there, and leave may be given. */
	OK(dro_repo_read(&config, good, &tree, &err));
	ck_assert_ptr_nonnull(dro_tree_find(tree, "services/c.yaml"));
	config.allow_rewind = true;
	sync_ok(good);
	ck_assert_str_eq(commit, rev("HEAD"));
}
END_TEST

START_TEST(lost_mirror_is_made_again)
{
	char good[DRO_COMMIT_TEXT];

	sync_ok("");
	strcpy(good, commit);
	OK(dro_dir_remove(mirror, &err));
	FAILS(DRO_ENOTFOUND, dro_repo_read(&config, good, &tree, &err));
	sh("echo e: 1 >work/e.yaml");
	commit_all();
	sync_ok(good);
	/* Killed while it was made, and while it fetched. */
	OK(dro_dir_remove(mirror, &err));
	sh("mkdir -p state/mirror.git.new/refs; echo x >state/mirror.git.new/config");
	sync_ok(good);
	sh("touch state/mirror.git/refs/drorch/fetched.lock state/mirror.git/refs/drorch/good.lock "
	   "state/mirror.git/objects/pack/pack_git2_x");
	sh("echo e: 2 >work/e.yaml");
	commit_all();
	sync_ok(good);
	sh("test ! -e state/mirror.git/objects/pack/pack_git2_x");
	sh("echo junk >state/mirror.git/HEAD; rm -r state/mirror.git/refs");
	FAILS(DRO_ECORRUPT, dro_repo_sync(&config, good, commit, &err));
	SAYS(mirror);
}
END_TEST

START_TEST(branch_gone_empty_away)
{
	char good[DRO_COMMIT_TEXT];

	sync_ok("");
	strcpy(good, commit);
	config.branch = "gone";
	FAILS(DRO_ENOTFOUND, dro_repo_sync(&config, good, commit, &err));
	SAYS("gone");
	config.branch = "a..b";
	FAILS(DRO_EINVAL, dro_repo_sync(&config, good, commit, &err));
	config.branch = "main";

	sh("mv work away; git init -q -b main work");
	FAILS(DRO_ENOTFOUND, dro_repo_sync(&config, good, commit, &err));
	SAYS("empty");
	sh("rm -r work");
	FAILS(DRO_ENOTFOUND, dro_repo_sync(&config, good, commit, &err));
	OK(dro_repo_read(&config, good, &tree, &err));
	FAILS(DRO_ENOTFOUND,
		dro_repo_read(&config, "0123456789012345678901234567890123456789", &tree, &err));
	FAILS(DRO_EINVAL, dro_repo_read(&config, "HEAD", &tree, &err));
}
END_TEST

START_TEST(urls_are_judged)
{
	static const char *const bad[] = {"", "git://host/x", "http://example.org/x", "work",
		"https://user:secret@example.org/x", "ext::sh -c true", "ssh://-oProxyCommand=x/y",
		"-upload:x", "https:///x", "https://a b/"};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		config.url = bad[i];
		FAILS(DRO_EINVAL, dro_repo_sync(&config, "", commit, &err));
		ck_assert_ptr_null(strstr(err.message, "secret"));
	}
	config.url = work; /* a full path is a URL */
	sync_ok("");
}
END_TEST

/* ---- servers that misbehave ---------------------------------------------------------------- */

static int listen_anywhere(int *port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, length), 0);
	ck_assert_int_eq(listen(fd, 4), 0);
	getsockname(fd, (struct sockaddr *)&address, &length);
	*port = ntohs(address.sin_port);
	return fd;
}

/* Processes that have our mirror in their mind: children of this test that are still there. */
static bool has_children(void)
{
	char path[64], text[256] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_ge(read(fd, text, sizeof(text) - 1), 0);
	close(fd);
	return text[0] != '\0';
}

START_TEST(silent_server_ends_by_the_deadline)
{
	static const char *const schemes[] = {"http", "https", "ssh"};
	char silent[64];
	uint64_t started;
	int port, fd = listen_anywhere(&port);

	snprintf(silent, sizeof(silent), "%s://127.0.0.1:%d/x", schemes[_i], port);
	if (_i == 2 && system("command -v ssh >/dev/null") != 0)
		return;
	config.url = silent;
	started = dro_now_ms();
	config.deadline_ms = started + 700;
	FAILS(DRO_ETIMEDOUT, dro_repo_sync(&config, "", commit, &err));
	ck_assert_uint_lt(dro_now_ms() - started, 5000);
	SAYS("in time");
	ck_assert(!has_children());
	close(fd);
	/* Nothing of it is in the way of the next. */
	config.url = url;
	config.deadline_ms = dro_now_ms() + 30000;
	sync_ok("");
}
END_TEST

START_TEST(refused_and_nonsense)
{
	char away[64];
	int port, fd = listen_anywhere(&port);

	close(fd);
	snprintf(away, sizeof(away), "http://127.0.0.1:%d/x", port);
	config.url = away;
	FAILS(DRO_EAGAIN, dro_repo_sync(&config, "", commit, &err));
	SAYS(away);
}
END_TEST

START_TEST(answers_of_http)
{
	static const struct {
		const char *answer;
		int code;
	} cases[] = {
		{"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", DRO_ENOTFOUND},
		{"HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n",
			DRO_EAUTH},
		{"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", DRO_EAGAIN},
		{"HTTP/1.1 302 Found\r\nLocation: http://other.invalid/x/info/refs?service="
		 "git-upload-pack\r\nContent-Length: 0\r\n\r\n",
			DRO_EPROTO},
		{"<html>hello</html>\r\n\r\n", DRO_EAGAIN},
		{"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\nhello",
			DRO_EAGAIN},
	};
	char there[64], request[4096];
	int port, fd = listen_anywhere(&port), client;
	pid_t pid = fork();

	if (pid == 0) {
		while ((client = accept(fd, NULL, NULL)) >= 0) {
			if (read(client, request, sizeof(request)) > 0 &&
				write(client, cases[_i].answer, strlen(cases[_i].answer)) < 0)
				_exit(1);
			close(client);
		}
		_exit(0);
	}
	snprintf(there, sizeof(there), "http://127.0.0.1:%d/x", port);
	config.url = there;
	FAILS(cases[_i].code, dro_repo_sync(&config, "", commit, &err));
	kill(pid, SIGKILL);
	close(fd);
}
END_TEST

/* A stand-in for ssh: runs the remote command here. The real protocol goes through it. */
START_TEST(ssh_goes_through_the_program)
{
	char path[4096], there[160], line[256];

	write_file("ssh",
		"#!/bin/sh\n"
		"for last; do :; done\n"
		"echo \"$*\" >\"$(dirname \"$0\")/args\"\n"
		"case \"$*\" in *refused*) echo 'Host key verification failed.' >&2; exit "
		"255;; esac\n"
		"exec sh -c \"$last\"\n");
	sh("chmod +x ssh; mv work \"it's\"; ln -s \"it's\" work");
	snprintf(path, sizeof(path), "%s:%s", top, getenv("PATH"));
	setenv("PATH", path, 1);
	snprintf(there, sizeof(there), "ssh://git@example.org:2222%s/it's", top);
	config.url = there;
	sync_ok("");
	ck_assert_str_eq(commit, rev("HEAD"));
	snprintf(line, sizeof(line),
		"grep -q -e '-oStrictHostKeyChecking=yes.* -p 2222 -- "
		"git@example.org git-upload-pack ' args");
	sh("%s", line);
	snprintf(there, sizeof(there), "git@example.org:%s/it's", top);
	sh("echo f: 1 >work/f.yaml");
	commit_all();
	sync_ok(commit);
	ck_assert_str_eq(commit, rev("HEAD"));
	config.url = "ssh://refused/x";
	FAILS(DRO_EAUTH, dro_repo_sync(&config, commit, commit, &err));
	SAYS("Host key verification failed");
	snprintf(there, sizeof(there), "ssh://example.org%s/none", top);
	config.url = there;
	FAILS(DRO_ENOTFOUND, dro_repo_sync(&config, commit, commit, &err));
	ck_assert(!has_children());
}
END_TEST

START_TEST(missing_program_is_named)
{
	setenv("DRORCH_LIBEXEC", "/nonexistent", 1);
	FAILS(DRO_EIO, dro_repo_sync(&config, "", commit, &err));
	SAYS("/nonexistent/drorch-git");
}
END_TEST

/* ---- what is read -------------------------------------------------------------------------- */

/* Reads the work folder both ways; both must answer alike. */
static void read_fails(const char *text)
{
	commit_all();
	sync_ok("");
	FAILS(DRO_EINVAL, dro_repo_read(&config, commit, &tree, &err));
	SAYS(text);
	FAILS(DRO_EINVAL, dro_repo_read_dir(work, &tree, &err));
	SAYS(text);
}

START_TEST(only_spec_files_are_read)
{
	struct dro_tree *other;
	size_t i;

	sh("cd work; mkdir -p pages/img .github services/.x; echo p >pages/index.html; "
	   "printf 'a\\000b' >pages/img/a.png; echo w: 1 >.github/w.yml; echo h: 1 "
	   ">services/.x/h.yaml; "
	   "echo n >services/notes.txt; ln -s README.md LICENSE; touch services/empty.yml");
	commit_all();
	sync_ok("");
	OK(dro_repo_read(&config, commit, &tree, &err));
	ck_assert_uint_eq(tree->file_count, 5);
	ck_assert_str_eq(tree->files[0].path, "pages/img/a.png");
	ck_assert_uint_eq(tree->files[0].length, 3);
	ck_assert_int_eq(memcmp(tree->files[0].data, "a\0b", 3), 0);
	ck_assert_str_eq(tree->files[3].path, "services/empty.yml");
	ck_assert_uint_eq(tree->files[3].length, 0);

	OK(dro_repo_read_dir(work, &other, &err));
	ck_assert_uint_eq(other->file_count, tree->file_count);
	for (i = 0; i < tree->file_count; i++) {
		ck_assert_str_eq(other->files[i].path, tree->files[i].path);
		ck_assert_uint_eq(other->files[i].length, tree->files[i].length);
	}
	ck_assert_str_eq(other->commit, "");
	ck_assert_int_eq(strncmp(other->origin, work, strlen(work)), 0);
	dro_tree_free(other);
}
END_TEST

START_TEST(all_of_a_folder_is_read)
{
	char folder[4200];
	int i;

	sh("cd work; mkdir -p dr/playbooks/roles/web/files; echo s >dr/playbooks/site.yml; "
	   "echo t >dr/playbooks/roles/web/files/tool.sh; echo h >dr/playbooks/.hidden");
	commit_all();
	sync_ok("");
	config.path = "dr";
	snprintf(folder, sizeof(folder), "%s/dr/playbooks", work);
	for (i = 0; i < 2; i++) {
		OK(i ? dro_repo_read_dir_all(folder, &tree, &err)
		     : dro_repo_read_all(&config, commit, "playbooks", &tree, &err));
		ck_assert_uint_eq(tree->file_count, 2);
		ck_assert_str_eq(tree->files[0].path, "roles/web/files/tool.sh");
		ck_assert_str_eq(tree->files[1].path, "site.yml");
		dro_tree_free(tree);
		tree = NULL;
	}
	FAILS(DRO_ENOTFOUND, dro_repo_read_all(&config, commit, "none", &tree, &err));
	sh("cd work/dr/playbooks; ln -s /etc/passwd roles/link");
	commit_all();
	sync_ok("");
	FAILS(DRO_EINVAL, dro_repo_read_all(&config, commit, "playbooks", &tree, &err));
	SAYS("symbolic link");
	FAILS(DRO_EINVAL, dro_repo_read_dir_all(folder, &tree, &err));
}
END_TEST

START_TEST(path_in_the_repository)
{
	sh("cd work; mkdir -p dr/prod; git mv providers.yaml services dr/prod");
	commit_all();
	sync_ok("");
	config.path = "/dr/prod/";
	OK(dro_repo_read(&config, commit, &tree, &err));
	ck_assert_uint_eq(tree->file_count, 2);
	ck_assert_str_eq(tree->files[0].path, "providers.yaml");
	dro_tree_free(tree);
	tree = NULL;
	config.path = "./dr/prod";
	OK(dro_repo_read(&config, commit, &tree, &err));
	dro_tree_free(tree);
	tree = NULL;
	config.path = "dr/none";
	FAILS(DRO_ENOTFOUND, dro_repo_read(&config, commit, &tree, &err));
	config.path = "dr/prod/providers.yaml";
	FAILS(DRO_EINVAL, dro_repo_read(&config, commit, &tree, &err));
	config.path = "../work";
	FAILS(DRO_ENOTFOUND, dro_repo_read(&config, commit, &tree, &err));
}
END_TEST

START_TEST(links_are_refused)
{
	static const char *const makes[] = {
		"ln -s /etc/passwd services/x.yaml",
		"ln -s /etc pages",
		"mv services other; ln -s other services",
		"ln -s ../README.md services/readme",
	};

	sh("cd work; %s", makes[_i]);
	read_fails("symbolic link");
}
END_TEST

START_TEST(submodule_is_refused)
{
	sh("cd work; git update-index --add --cacheinfo 160000,%s,services/sub; "
	   "git commit -qm sub",
		rev("HEAD"));
	sync_ok("");
	FAILS(DRO_EINVAL, dro_repo_read(&config, commit, &tree, &err));
	SAYS("services/sub: a submodule");
}
END_TEST

START_TEST(fifo_is_refused)
{
	sh("mkfifo work/services/pipe.yaml");
	FAILS(DRO_EINVAL, dro_repo_read_dir(work, &tree, &err));
	SAYS("not a regular file");
	FAILS(DRO_ENOTFOUND, dro_repo_read_dir("/nonexistent", &tree, &err));
}
END_TEST

START_TEST(limits)
{
	static const struct {
		const char *make, *says;
	} cases[] = {
		{"head -c 1048577 /dev/zero >services/big.yaml", "services/big.yaml"},
		{"mkdir pages; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17; do "
		 "head -c 1048576 /dev/zero >pages/$i; done",
			"16777216"},
		{"d=services; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do d=$d/d; done; "
		 "mkdir -p $d; touch $d/x.yaml",
			"folders deep"},
		{"touch \"services/$(printf 'a\\033[31m').yaml\"", "control characters"},
	};

	sh("cd work; %s", cases[_i].make);
	read_fails(cases[_i].says);
}
END_TEST

START_TEST(damaged_object_is_named)
{
	sync_ok("");
	sh("cd state/mirror.git; f=$(find objects -type f -name '*.pack' | head -n 1); "
	   "chmod u+w $f; printf 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' | "
	   "dd of=$f bs=1 seek=20 conv=notrunc 2>/dev/null");
	FAILS(DRO_ECORRUPT, dro_repo_read(&config, commit, &tree, &err));
}
END_TEST

/* ---- signatures ---------------------------------------------------------------------------- */

START_TEST(only_signed_commits)
{
	char good[DRO_COMMIT_TEXT];

	sh("ssh-keygen -q -t ed25519 -N '' -f good; ssh-keygen -q -t ed25519 -N '' -f other; "
	   "printf 'a@example.org %%s\\nteam@example.org %%s\\n' \"$(cut -d' ' -f1,2 other.pub)\" "
	   "\"$(cut -d' ' -f1,2 good.pub)\" >both; sed -n 2p both >allowed_signers; "
	   "cd work; git config gpg.format ssh; git config user.signingkey ../good");
	config.allowed_signers = signers;
	FAILS(DRO_ESAFETY, dro_repo_sync(&config, "", commit, &err));
	SAYS(rev("HEAD"));
	SAYS("not signed");

	sh("cd work; git commit -q -S --allow-empty -m signed");
	sync_ok("");
	strcpy(good, commit);
	ck_assert_str_eq(good, rev("HEAD"));

	sh("cd work; git -c user.signingkey=../other commit -q -S --allow-empty -m wrong");
	FAILS(DRO_ESAFETY, dro_repo_sync(&config, good, commit, &err));
	SAYS(rev("HEAD"));
	SAYS("no good signature");
	sh("cp both allowed_signers");
	sync_ok(good);

	/* A good signature of something else. */
	sh("sed -n 2p both >allowed_signers; cd work; git reset -q --hard %s; "
	   "git cat-file commit HEAD | sed 's/^signed$/forged/' >../forged; "
	   "git reset -q --hard $(git hash-object -t commit -w ../forged)",
		good);
	config.allow_rewind = true;
	FAILS(DRO_ESAFETY, dro_repo_sync(&config, good, commit, &err));
	SAYS("no good signature");
	sh("rm allowed_signers");
	FAILS(DRO_ESAFETY, dro_repo_sync(&config, good, commit, &err));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("repo");
	TCase *tests = tcase_create("repo");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, first_and_next_fetch);
	tcase_add_test(tests, rewind_needs_leave);
	tcase_add_test(tests, lost_mirror_is_made_again);
	tcase_add_test(tests, branch_gone_empty_away);
	tcase_add_test(tests, urls_are_judged);
	tcase_add_loop_test(tests, silent_server_ends_by_the_deadline, 0, 3);
	tcase_add_test(tests, refused_and_nonsense);
	tcase_add_loop_test(tests, answers_of_http, 0, 6);
	tcase_add_test(tests, ssh_goes_through_the_program);
	tcase_add_test(tests, missing_program_is_named);
	tcase_add_test(tests, only_spec_files_are_read);
	tcase_add_test(tests, all_of_a_folder_is_read);
	tcase_add_test(tests, path_in_the_repository);
	tcase_add_loop_test(tests, links_are_refused, 0, 4);
	tcase_add_test(tests, submodule_is_refused);
	tcase_add_test(tests, fifo_is_refused);
	tcase_add_loop_test(tests, limits, 0, 4);
	tcase_add_test(tests, damaged_object_is_named);
	tcase_add_test(tests, only_signed_commits);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
