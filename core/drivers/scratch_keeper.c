/*
 * The keeper of a scratch PostgreSQL. It holds no secret: everything of its
 * owner but its two pipes is closed before it does anything.
 */
#define _GNU_SOURCE
#include "scratch_keeper.h"
#include "scratch.h"
#include "../wire/clock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NAME "rbrun-scratch-"
#define SERVER_END (10 * 1000) /* ms for an immediate shutdown */
#define LOOK 20                /* ms between two looks whether it is ready */
#define REMOVALS 100           /* looks at a directory that is not empty yet */
#define UNLOCKED_AGE 120       /* s after which an unlocked folder is dead */

struct keeper {
    const struct scratch_keeper *k;
    char directory[512];
    int64_t until; /* ms of the steady clock */
    pid_t server;
    int server_fd;
    pid_t maker; /* initdb, while it runs; it leads a process group */
};

static int remove_one(const char *path, const struct stat *st, int kind,
                      struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    remove(path);
    return 0;
}

/* Again while something is in it: a process that has just been killed may
   have made one more file. */
static void remove_tree(const char *path)
{
    struct stat st;
    for (int i = 0; i < REMOVALS; i++) {
        nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
        if (lstat(path, &st) != 0)
            return;
        poll(NULL, 0, LOOK);
    }
}

/* initdb and what it has started. */
static void end_maker(struct keeper *s)
{
    if (s->maker <= 0)
        return;
    kill(-s->maker, SIGKILL);
    while (waitpid(s->maker, NULL, 0) < 0 && errno == EINTR)
        continue;
    s->maker = -1;
}

static void end_server(struct keeper *s)
{
    struct pollfd fd = {s->server_fd, POLLIN, 0};
    if (s->server <= 0)
        return;
    /* SIGQUIT is PostgreSQL's immediate shutdown: its processes end, and its
       shared memory goes. */
    kill(s->server, SIGQUIT);
    if (poll(&fd, 1, SERVER_END) <= 0)
        kill(s->server, SIGKILL);
    while (waitpid(s->server, NULL, 0) < 0 && errno == EINTR)
        continue;
    s->server = -1;
}

static _Noreturn void leave(struct keeper *s, int status)
{
    end_maker(s);
    end_server(s);
    if (s->directory[0])
        remove_tree(s->directory);
    _exit(status);
}

static void say(const struct keeper *s, const char *text)
{
    size_t size = strlen(text);
    while (size > 0) {
        ssize_t n = write(s->k->report, text, size);
        if (n < 0 && errno != EINTR)
            return;
        if (n > 0) {
            text += n;
            size -= (size_t)n;
        }
    }
}

static _Noreturn void give_up(struct keeper *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static _Noreturn void give_up(struct keeper *s, const char *format, ...)
{
    char text[1300] = "-";
    va_list args;
    va_start(args, format);
    vsnprintf(text + 1, sizeof text - 1, format, args);
    va_end(args);
    say(s, text);
    leave(s, 1);
}

/* The last line of a program's output that says something. */
static void last_line(const char *path, char *out, size_t size)
{
    char line[600];
    FILE *f = fopen(path, "re");
    out[0] = '\0';
    while (f && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\r\n")] = '\0';
        if (line[0] && strncmp(line, "initdb: removing", 16) != 0)
            snprintf(out, size, "%s", line);
    }
    if (f)
        fclose(f);
}

static void become(struct keeper *s)
{
    struct passwd *who;
    if (geteuid() != 0)
        return;
    who = getpwnam(s->k->user);
    if (!who)
        give_up(s,
                "PostgreSQL does not run as root, and there is no user %s to "
                "run it as",
                s->k->user);
    if (setgroups(0, NULL) != 0 || setgid(who->pw_gid) != 0 ||
        setuid(who->pw_uid) != 0)
        give_up(s, "cannot become the user %s: %s", s->k->user,
                strerror(errno));
}

/* Descriptors of the owner are not ours; 0 to 2 lead nowhere. */
static void close_others(struct scratch_keeper *k)
{
    int report = fcntl(k->report, F_DUPFD_CLOEXEC, 10);
    int alive = fcntl(k->alive, F_DUPFD_CLOEXEC, 11);
    int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (report < 0 || alive < 0 || nowhere < 0)
        _exit(1);
    dup2(alive, 4);
    dup2(report, 3);
    for (int i = 0; i < 3; i++)
        dup2(nowhere, i);
    fcntl(3, F_SETFD, FD_CLOEXEC);
    fcntl(4, F_SETFD, FD_CLOEXEC);
    close_range(5, ~0U, 0);
    k->report = 3;
    k->alive = 4;
}

static void prepare_signals(void)
{
    sigset_t none;
    static const int deaf[] = {SIGINT, SIGHUP, SIGTERM, SIGPIPE, SIGQUIT};
    for (int i = 1; i < NSIG; i++) {
        if (i != SIGKILL && i != SIGSTOP)
            signal(i, SIG_DFL);
    }
    for (size_t i = 0; i < sizeof deaf / sizeof *deaf; i++)
        signal(deaf[i], SIG_IGN);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Whether the owner of a folder is dead: its lock is free. */
static int dead(const char *folder)
{
    char path[600];
    struct stat st;
    int fd, is_dead;
    snprintf(path, sizeof path, "%s/lock", folder);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return stat(folder, &st) == 0 && st.st_uid == geteuid() &&
               st.st_mtime + UNLOCKED_AGE < time(NULL);
    is_dead = fstat(fd, &st) == 0 && st.st_uid == geteuid() &&
              flock(fd, LOCK_EX | LOCK_NB) == 0;
    close(fd);
    return is_dead;
}

static void remove_dead(const char *base)
{
    DIR *d = opendir(base);
    struct dirent *e;
    char path[512];
    while (d && (e = readdir(d)) != NULL) {
        if (strncmp(e->d_name, NAME, sizeof NAME - 1) != 0 ||
            (size_t)snprintf(path, sizeof path, "%s/%s", base, e->d_name) >=
                sizeof path)
            continue;
        if (dead(path))
            remove_tree(path);
    }
    if (d)
        closedir(d);
}

static void make_directory(struct keeper *s)
{
    char path[512], lock[600];
    int fd;
    int made, problem;
    snprintf(path, sizeof path, "%s/" NAME "XXXXXX", s->k->base);
    made = mkdtemp(path) != NULL;
    problem = errno;
    if (!made && problem == EACCES && s->k->spare) {
        snprintf(path, sizeof path, "%s/" NAME "XXXXXX", s->k->spare);
        made = mkdtemp(path) != NULL;
    }
    if (!made)
        give_up(s, "cannot make a directory in %s: %s", s->k->base,
                strerror(problem));
    snprintf(s->directory, sizeof s->directory, "%s", path);
    snprintf(lock, sizeof lock, "%s/lock", path);
    fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0)
        give_up(s, "cannot lock %s: %s", path, strerror(errno));
}

static _Noreturn void program(const struct keeper *s, pid_t parent, int death,
                              const char *log, char *const *argv)
{
    static char *environment[] = {
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LC_ALL=C", "TZ=UTC", NULL};
    char path[600];
    int fd;
    snprintf(path, sizeof path, "%s/%s", s->directory, log);
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (fd >= 0) {
        dup2(fd, 1);
        dup2(fd, 2);
    }
    close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    for (int i = 1; i < NSIG; i++) {
        if (i != SIGKILL && i != SIGSTOP)
            signal(i, SIG_DFL);
    }
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, death);
    if (getppid() != parent || chdir(s->directory) != 0)
        _exit(127);
    execve(argv[0], argv, environment);
    _exit(127);
}

static pid_t run(struct keeper *s, int death, const char *log,
                 char *const *argv, int *fd)
{
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        program(s, parent, death, log, argv);
    *fd = pid > 0 ? pidfd_open(pid, 0) : -1;
    if (*fd < 0)
        give_up(s, "cannot start %s: %s", argv[0], strerror(errno));
    return pid;
}

/* Until a process has ended (1), or for so many ms (0); negative is for ever.
   When the owner is gone, so are we. */
static int ended(struct keeper *s, int fd, int64_t wait)
{
    struct pollfd fds[2] = {{fd, POLLIN, 0}, {s->k->alive, POLLIN, 0}};
    int n = poll(fds, 2, (int)(wait < INT32_MAX ? wait : INT32_MAX));
    if (n > 0 && fds[1].revents)
        leave(s, 0);
    return n > 0 && fds[0].revents != 0;
}

static int64_t left(const struct keeper *s)
{
    int64_t ms = s->until - clock_steady();
    return ms > 0 ? ms : 0;
}

static void make_cluster(struct keeper *s)
{
    char bin[1100], data[600], log[600], why[600];
    char *argv[] = {
        bin,     "-D", data,   "-U",         SCRATCH_USER, "-A",
        "trust", "-E", "UTF8", "--locale=C", "--no-sync",  "--no-instructions",
        NULL};
    int fd, status = 1;
    snprintf(bin, sizeof bin, "%s/initdb", s->k->bin);
    snprintf(data, sizeof data, "%s/data", s->directory);
    s->maker = run(s, SIGKILL, "initdb.log", argv, &fd);
    setpgid(s->maker, s->maker); /* whichever of us is first */
    if (!ended(s, fd, left(s)))
        give_up(s, "%s was not done within %lld s", bin,
                (long long)s->k->timeout / 1000);
    waitpid(s->maker, &status, 0);
    s->maker = -1;
    close(fd);
    if (status == 0)
        return;
    snprintf(log, sizeof log, "%s/initdb.log", s->directory);
    last_line(log, why, sizeof why);
    give_up(s, "%s in %s: %s", bin, s->k->base, why[0] ? why : "it failed");
}

/* pg_ctl looks at the same line: the status is the eighth. */
static int is_ready(const struct keeper *s)
{
    char path[600], line[200];
    int ready = 0;
    FILE *f;
    snprintf(path, sizeof path, "%s/data/postmaster.pid", s->directory);
    f = fopen(path, "re");
    for (int i = 1; f && fgets(line, sizeof line, f); i++)
        ready = i == 8 && strncmp(line, "ready", 5) == 0;
    if (f)
        fclose(f);
    return ready;
}

static void start_server(struct keeper *s)
{
    char bin[1100], data[600], sockets[700];
    char *argv[] = {bin,
                    "-D",
                    data,
                    "-c",
                    sockets,
                    "-clisten_addresses=",
                    "-cport=5432",
                    "-cfsync=off",
                    "-csynchronous_commit=off",
                    "-cfull_page_writes=off",
                    "-cwal_level=minimal",
                    "-cmax_wal_senders=0",
                    "-cmax_connections=20",
                    "-cshared_buffers=16MB",
                    "-cautovacuum=off",
                    "-cjit=off",
                    "-clogging_collector=off",
                    NULL};
    snprintf(bin, sizeof bin, "%s/postgres", s->k->bin);
    snprintf(data, sizeof data, "%s/data", s->directory);
    snprintf(sockets, sizeof sockets, "unix_socket_directories=%s",
             s->directory);
    s->server = run(s, SIGQUIT, "log", argv, &s->server_fd);
}

static void await_ready(struct keeper *s)
{
    char log[600], why[600];
    while (!is_ready(s)) {
        if (!ended(s, s->server_fd, LOOK)) {
            if (left(s) == 0)
                give_up(s, "the server was not ready within %lld s",
                        (long long)s->k->timeout / 1000);
            continue;
        }
        snprintf(log, sizeof log, "%s/log", s->directory);
        last_line(log, why, sizeof why);
        give_up(s, "the server in %s ended: %s", s->k->base, why);
    }
}

void scratch_keep(const struct scratch_keeper *given)
{
    struct scratch_keeper k = *given;
    struct keeper s = {&k, "", clock_steady() + k.timeout, -1, -1, -1};
    char text[600];
    setsid();
    prctl(PR_SET_NAME, "rbrun-scratch");
    prepare_signals();
    close_others(&k);
    become(&s);
    remove_dead(k.base);
    if (k.spare)
        remove_dead(k.spare);
    make_directory(&s);
    make_cluster(&s);
    start_server(&s);
    await_ready(&s);
    snprintf(text, sizeof text, "+%s", s.directory);
    say(&s, text);
    close(k.report);
    /* A server that ends by itself (a full disk) leaves its log to be read
       until the owner goes. */
    while (!ended(&s, s.server_fd, -1))
        continue;
    for (;;)
        ended(&s, -1, -1);
}
