/*
  inspect.c - a file of a stranger is parsed in a child process: the program started once more, without the environment of
  MPI and of the batch system, with limits of time and address space. The child calls neither PETSc nor MPI. If libhdf5
  crashes in it, the file is refused and nothing else happens.
*/
#include "cli.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
  #define LIMIT_SPACE 0 /* a sanitizer maps terabytes at its start */
#elif defined(__has_feature)
  #if __has_feature(address_sanitizer)
    #define LIMIT_SPACE 0
  #endif
#endif
#if !defined(LIMIT_SPACE)
  #define LIMIT_SPACE 1
#endif

extern char **environ;

/* Seconds a file may take: a minute, and one more for every GB. */
static int SecondsFor(const char file[])
{
  struct stat st;

  return 60 + (stat(file, &st) ? 0 : (int)(st.st_size >> 24));
}

/* ---- the child ---------------------------------------------------------------------------------------------------- */
static void Limit(const char file[])
{
  const rlim_t  seconds = (rlim_t)SecondsFor(file);
  struct rlimit time    = {seconds, seconds}, none = {0, 0}, space = {(rlim_t)4 << 30, (rlim_t)4 << 30};
  struct stat   st;

  if (!stat(file, &st)) space.rlim_cur = space.rlim_max += 4 * (rlim_t)st.st_size;
  setrlimit(RLIMIT_CPU, &time);
  setrlimit(RLIMIT_CORE, &none);
  if (LIMIT_SPACE) setrlimit(RLIMIT_AS, &space);
}

/* nomos --inspect FILE ALLOW_NAN: the text on standard output, 0 for a sound file and 1 for one that is refused */
int CliInspectChild(int argc, char **argv)
{
  static char text[CLI_TEXT];
  int         refused;

  if (argc != 4) return 2;
  Limit(argv[2]);
  refused = NomosFileInspect(argv[2], argv[3][0] == '1', text, sizeof(text));
  fputs(text, stdout);
  return fflush(stdout) || refused ? 1 : 0;
}

/* ---- the parent --------------------------------------------------------------------------------------------------- */
static int Foreign(const char entry[])
{
  static const char *const gone[] = {"OMPI_", "PMI", "PMIX_", "SLURM_", "PRTE_", "MPI_", "LD_PRELOAD="};

  for (size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++)
    if (!strncmp(entry, gone[i], strlen(gone[i]))) return 1;
  return 0;
}

static char **CleanEnvironment(void)
{
  size_t n = 0, m = 0;
  char **out;

  while (environ[n]) n++;
  out = (char **)malloc((n + 1) * sizeof(*out));
  if (!out) return NULL;
  for (size_t i = 0; i < n; i++)
    if (!Foreign(environ[i])) out[m++] = environ[i];
  out[m] = NULL;
  return out;
}

static int Start(const char file[], int allow_nan, int pipe_out, pid_t *pid)
{
  char                       nan[2]  = {allow_nan ? '1' : '0', 0}, self[PETSC_MAX_PATH_LEN];
  char                      *args[]  = {(char *)"nomos", (char *)"--inspect", (char *)file, nan, NULL}, **env = CleanEnvironment();
  const ssize_t              n       = readlink("/proc/self/exe", self, sizeof(self) - 1);
  posix_spawn_file_actions_t actions;
  int                        error;

  if (!env) return ENOMEM;
  if (n <= 0) {
    free(env);
    return errno ? errno : ENOENT;
  }
  self[n] = 0;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pipe_out, 1);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0); /* libhdf5's own complaints */
  error = posix_spawn(pid, self, &actions, NULL, args, env);
  posix_spawn_file_actions_destroy(&actions);
  free(env);
  return error;
}

/* What the child says, until it ends or its time is up. */
static void Listen(int from, pid_t pid, int seconds, char text[], size_t len)
{
  const time_t end = time(NULL) + 2 * seconds; /* its own limit counts processor time and comes first */
  size_t       at  = 0;
  char         rest[4096];

  for (;;) {
    struct pollfd p   = {.fd = from, .events = POLLIN};
    const int     got = poll(&p, 1, 1000);
    ssize_t       n;

    if (got > 0) {
      n = at + 1 < len ? read(from, text + at, len - 1 - at) : read(from, rest, sizeof(rest));
      if (n == 0 || (n < 0 && errno != EINTR)) break;
      if (n > 0 && at + 1 < len) at += (size_t)n;
    }
    if (time(NULL) > end) {
      kill(pid, SIGKILL);
      break;
    }
  }
  text[at] = 0;
}

/* Rank 0. Returns whether the file is sound; text is what it holds, or the sentence that refuses it. */
static PetscBool InspectHere(const char file[], int allow_nan, char text[], size_t len)
{
  int   ends[2], status = 0, error, refused;
  pid_t pid;

  if (pipe(ends)) {
    snprintf(text, len, "'%s' cannot be inspected: %s", file, strerror(errno));
    return PETSC_FALSE;
  }
  fcntl(ends[0], F_SETFD, FD_CLOEXEC);
  fcntl(ends[1], F_SETFD, FD_CLOEXEC);
  error = Start(file, allow_nan, ends[1], &pid);
  close(ends[1]);
  if (error) {
    close(ends[0]);
    snprintf(text, len, "'%s' cannot be inspected: no child process could be started (%s)", file, strerror(error));
    return PETSC_FALSE;
  }
  Listen(ends[0], pid, SecondsFor(file), text, len);
  close(ends[0]);
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) { }
  refused = !WIFEXITED(status) || WEXITSTATUS(status);
  if (WIFSIGNALED(status) || (refused && !text[0])) snprintf(text, len, "'%s' made its reader %s: it is damaged or malicious and was not used", file, WIFSIGNALED(status) && (WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGKILL) ? "run out of time" : "crash");
  return refused ? PETSC_FALSE : PETSC_TRUE;
}

static PetscErrorCode AllowNaN(Cli *cli, PetscBool *allow)
{
  PetscFunctionBegin;
  *allow = PETSC_FALSE;
  PetscOptionsBegin(cli->comm, NULL, "Inspection of a file", "nomos");
  PetscCall(PetscOptionsBool("-data_allow_nan", "Take files that hold NaN or Inf", "NomosDataSetAllowNaN", *allow, allow, NULL));
  PetscOptionsEnd();
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode CliInspect(Cli *cli, const char file[], PetscBool *sound, char text[], size_t len)
{
  PetscBool   allow;
  PetscMPIInt rank, yes = 0; /* MPI's name of a PetscBool differs between releases */

  PetscFunctionBegin;
  PetscCall(AllowNaN(cli, &allow));
  text[0] = 0;
  PetscCallMPI(MPI_Comm_rank(cli->comm, &rank));
  if (rank == 0) {
    yes = InspectHere(file, allow ? 1 : 0, text, len) ? 1 : 0;
    for (char *c = text; *c; c++) /* it quotes the file: nothing that steers a terminal */
      if (((unsigned char)*c < 32 && *c != '\n') || (unsigned char)*c > 126) *c = '?';
  }
  PetscCallMPI(MPI_Bcast(&yes, 1, MPI_INT, 0, cli->comm));
  *sound = yes ? PETSC_TRUE : PETSC_FALSE;
  PetscCall(CliSameText(cli, text, len));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode CliRequireSound(Cli *cli, PetscInt n, char *const files[])
{
  char *text;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(CLI_TEXT, &text));
  for (PetscInt i = 0; i < n; i++) {
    PetscBool sound;

    PetscCall(CliInspect(cli, files[i], &sound, text, CLI_TEXT));
    text[strcspn(text, "\n")] = 0;
    PetscCheck(sound, cli->comm, PETSC_ERR_FILE_UNEXPECTED, "%s", text);
  }
  PetscCall(PetscFree(text));
  PetscFunctionReturn(PETSC_SUCCESS);
}
