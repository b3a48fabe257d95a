/*
  main.c - `nomos VERB`: which verb, its options, its help, and how an error reaches the user.

  Options are PETSc's. -options_file goes in front of the others, wherever it stands, so that what is typed beats the file.
  An error is one sentence on standard error and exit status 1; -nomos_trace shows PETSc's trace as well.
*/
#include "cli.h"
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
  const char *name, *what, *form, *families;
  PetscErrorCode (*run)(Cli *);
  int takes_file; /* the word behind the verb is one */
} Verb;

/* families: beginnings of the options that `nomos VERB -help` shows; the rest of PETSc's is left to PETSc */
static const Verb Verbs[] = {
  {"generate", "make a data set by solving an equation",
   "nomos generate -pde_type darcy -pde_grid 32,32 -data_samples 256 -nomos_seed 1 -o darcy.h5", "-o -pde_ -data_ -nomos_", CliGenerate, 0},
  {"train", "train a net on a data set",
   "nomos train -options_file examples/recipes/darcy16-quick.opts -data TRAIN.h5 -data_test A.h5,B.h5 -o model.h5 -nomos_history h.csv", "-o -model -pictures -data -net_ -loss_ -map_check -nomos_ -tao_type -tao_max_it -tao_adamw_ -tao_schedule_ -tao_clip -tao_nan_policy", CliTrain, 0},
  {"predict", "apply a trained model to samples, at any resolution",
   "nomos predict -model model.h5 -data B.h5 -o pred.h5 -report report.csv", "-o -model -pictures -report -data -net_ -nomos_", CliPredict, 0},
  {"info", "say what a file is and what it holds",
   "nomos info FILE", "-data_allow_nan -nomos_", CliInfo, 1},
  {"check", "is a file sound? Does a model reproduce stored values?",
   "nomos check FILE [-options_file MODEL.opts -reference REF.h5]", "-model -reference -check_ -data_allow_nan -net_ -nomos_", CliCheck, 1},
};
#define NUM_VERBS (sizeof(Verbs) / sizeof(Verbs[0]))

static const Verb *Shown;         /* the verb whose options are printed */
static char        Sentence[4096]; /* the first error's */
static PetscBool   ErrorOfOne;     /* ... raised on PETSC_COMM_SELF: perhaps not on every rank */

/* ---- usage and help ---------------------------------------------------------------------------------------------- */
static void Usage(FILE *f)
{
  char version[64] = "";

  if (NomosGetVersion(version, sizeof(version))) version[0] = 0;
  fprintf(f, "nomos %s: neural operators on PETSc\n\nusage: nomos VERB [OPTIONS]\n\n", version);
  for (size_t i = 0; i < NUM_VERBS; i++) fprintf(f, "  %-9s %s\n            %s\n", Verbs[i].name, Verbs[i].what, Verbs[i].form);
  fprintf(f, "\nnomos VERB -help lists the verb's options with their defaults. -nomos_list shows every type, -nomos_view the build.\n"
             "Options are PETSc options: command line, -options_file FILE, PETSC_OPTIONS. Runs on several ranks: mpiexec -n 2 nomos ...\n");
}

static PetscBool Shows(const char line[])
{
  const char *at = Shown->families;

  while (*line == ' ') line++;
  while (*at) {
    const size_t n = strcspn(at, " ");

    if (!strncmp(line, at, n) && (at[n - 1] == '_' || strchr(": _", line[n]))) return PETSC_TRUE;
    at += n;
    at += strspn(at, " ");
  }
  return PETSC_FALSE;
}

/* "<now 8 : formerly 8>" and "<8 : 8>" become "<8>" */
static void Shorten(char line[])
{
  char *open = strchr(line, '<'), *colon = open ? strstr(open, " : ") : NULL, *close = open ? strchr(open, '>') : NULL;

  if (!colon || !close || colon > close) return;
  memmove(colon, close, strlen(close) + 1);
  if (!strncmp(open + 1, "now ", 4)) memmove(open + 1, open + 5, strlen(open + 5) + 1);
}

/* Several objects ask for some options. */
static PetscBool ShownBefore(const char line[])
{
  static char  names[256][64];
  static int   n = 0;
  const char  *from = strchr(line, '-');
  const size_t len  = strcspn(from, " :<");

  for (int i = 0; i < n; i++)
    if (strlen(names[i]) == len && !strncmp(names[i], from, len)) return PETSC_TRUE;
  if (n < 256 && len < 64) snprintf(names[n++], 64, "%.*s", (int)len, from);
  return PETSC_FALSE;
}

/* In place of PETSc's own printing of help: only the options of this verb, each once. A line comes in several calls. */
static PetscErrorCode HelpPrintf(MPI_Comm comm, const char format[], ...)
{
  static char line[8192];
  size_t      at = strlen(line);
  va_list     args;

  PetscFunctionBegin;
  va_start(args, format);
  vsnprintf(line + at, sizeof(line) - at, format, args);
  va_end(args);
  if (!strchr(line, '\n')) PetscFunctionReturn(PETSC_SUCCESS);
  if ((!strncmp(line, "  -", 3) || !strncmp(line, " -", 2)) && Shows(line) && !ShownBefore(line)) {
    Shorten(line);
    PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%s", line));
  }
  line[0] = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- errors ------------------------------------------------------------------------------------------------------- */
/* The value that PETSc's own sentence is about; 0: it is another sentence, or one that names its option already. */
static int ValueOf(const char sentence[], char value[], size_t len)
{
  static const char *const before[] = {"Input string ", "Newly set value ", "Unknown logical value: ", "Unable to find requested Tao type "};

  for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
    const size_t n = strlen(before[i]);

    if (strncmp(sentence, before[i], n)) continue;
    snprintf(value, len, "%.*s", (int)strcspn(sentence + n, " \n"), sentence + n);
    return value[0] != 0;
  }
  return 0;
}

/* Is value the word, or one of its parts between commas? */
static int Holds(const char word[], const char value[])
{
  const size_t n = strlen(value);

  for (const char *at = word;; at += strcspn(at, ",") + 1) {
    if (!strncmp(at, value, n) && (!at[n] || at[n] == ',')) return 1;
    if (!at[strcspn(at, ",")]) return 0;
  }
}

/* PETSc's own sentences about a value do not say which option it came from: those that have the value. */
static void NameOption(void)
{
  char       *all = NULL, *word, *save = NULL, *key = NULL, value[256];
  int         found = 0;
  size_t      n     = strlen(Sentence);

  if (!ValueOf(Sentence, value, sizeof(value)) || PetscOptionsGetAll(NULL, &all)) return;
  for (word = strtok_r(all, " ", &save); word && found < 4; word = strtok_r(NULL, " ", &save)) {
    if (word[0] == '-' && ((word[1] >= 'a' && word[1] <= 'z') || (word[1] >= 'A' && word[1] <= 'Z'))) key = word;
    else if (key && Holds(word, value)) {
      snprintf(Sentence + n, sizeof(Sentence) - n, "%s%s", found++ ? " or " : "; see ", key);
      n = strlen(Sentence);
      key = NULL;
    }
  }
  (void)PetscFree(all);
}

static PetscErrorCode Remember(MPI_Comm comm, int line, const char *func, const char *file, PetscErrorCode n, PetscErrorType type, const char *text, void *ctx)
{
  const char *general = NULL;
  PetscMPIInt size    = 1;

  if (Sentence[0]) return n;
  if (text && text[0]) snprintf(Sentence, sizeof(Sentence), "%s", text);
  else {
    (void)PetscErrorMessage(n, &general, NULL);
    snprintf(Sentence, sizeof(Sentence), "%s (in %s, %s:%d)", general ? general : "unknown error", func ? func : "?", file ? file : "?", line);
  }
  Sentence[strcspn(Sentence, "\n")] = 0;
  for (char *c = Sentence; *c; c++) /* it may quote a file */
    if ((unsigned char)*c < 32 || (unsigned char)*c > 126) *c = '?';
  NameOption();
  if (comm != MPI_COMM_NULL) MPI_Comm_size(comm, &size);
  ErrorOfOne = size == 1 ? PETSC_TRUE : PETSC_FALSE;
  return n;
}

/* Did every rank fail? Then one of them speaks; a rank that is alone in its failure would leave the others waiting for ever. */
static int AllFailed(MPI_Comm comm)
{
  MPI_Request request;
  int         done = 0;

  if (MPI_Ibarrier(comm, &request)) return 0;
  for (int i = 0; i < 200 && !done; i++) {
    if (MPI_Test(&request, &done, MPI_STATUS_IGNORE)) return 0;
    if (!done) usleep(10000);
  }
  return done;
}

static int Fail(MPI_Comm comm, PetscErrorCode code)
{
  int rank = 0, size = 1, all = 1;

  if (comm != MPI_COMM_NULL) {
    MPI_Comm_rank(comm, &rank);
    MPI_Comm_size(comm, &size);
  }
  if (!Sentence[0]) snprintf(Sentence, sizeof(Sentence), "error %d", (int)code);
  fflush(stdout);
  if (size > 1) all = AllFailed(comm);
  if (rank == 0 || !all) fprintf(stderr, "nomos: %s\n", Sentence);
  fflush(stderr);
  if (!all) MPI_Abort(comm, 1);
  return 1;
}

/* ---- options ------------------------------------------------------------------------------------------------------ */
/* Mistyped options are named; with -nomos_strict they end the run before it begins. */
PetscErrorCode CliOptionsDone(Cli *cli)
{
  PetscInt unused;

  PetscFunctionBegin;
  if (!cli->strict || cli->help) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(NomosOptionsCheck(cli->comm, &unused));
  PetscCheck(!unused, cli->comm, PETSC_ERR_ARG_WRONG, "%" PetscInt_FMT " options were not used, see above; correct them or leave out -nomos_strict", unused);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static int IsHelp(const char word[])
{
  return !strcmp(word, "-help") || !strcmp(word, "--help") || !strcmp(word, "-h");
}

/* PETSc's own idea of an option; "-3" is a value. */
static int IsOption(const char word[])
{
  return word[0] == '-' && ((word[1] >= 'a' && word[1] <= 'z') || (word[1] >= 'A' && word[1] <= 'Z') || word[1] == '-');
}

/* PETSc passes over a word that is neither an option nor its value. first: the word behind the verb may be a FILE. */
static int Alone(int argc, char **argv, int first)
{
  for (int i = first; i < argc; i++)
    if (!IsOption(argv[i]) && (i == 2 || !IsOption(argv[i - 1]) || IsHelp(argv[i - 1]))) {
      snprintf(Sentence, sizeof(Sentence), "'%s' belongs to no option%s; the files of a list are joined by commas without blanks, for example -data A.h5,B.h5", argv[i], i == 3 && first == 3 ? ", and the verb takes one file" : "");
      return 1;
    }
  return 0;
}

/* A copy of argv without the verb and -help, -options_file in front. Returns the number of words, or -1 for a file that cannot be read. */
static int Arrange(int argc, char **argv, char **out, PetscBool *help)
{
  int n = 0;

  *help    = PETSC_FALSE;
  out[n++] = argv[0];
  for (int pass = 0; pass < 2; pass++)
    for (int i = 2; i < argc; i++) {
      const int file = !strcmp(argv[i], "-options_file") && i + 1 < argc;

      if (IsHelp(argv[i])) *help = PETSC_TRUE;
      else if (file == !pass) out[n++] = argv[i];
      if (file) {
        if (!pass) {
          if (access(argv[i + 1], R_OK)) {
            snprintf(Sentence, sizeof(Sentence), "the options file '%s' cannot be read; check the name and the working directory (-options_file)", argv[i + 1]);
            return -1;
          }
          out[n++] = argv[i + 1];
        }
        i++;
      }
    }
  out[n] = NULL;
  return n;
}

/* The first word after the verb that is neither an option nor an option's value: FILE. */
static const char *FileWord(int argc, char **argv)
{
  return argc > 2 && argv[2][0] != '-' ? argv[2] : NULL;
}

static PetscErrorCode ProgramOptions(Cli *cli)
{
  PetscBool trace = PETSC_FALSE;

  PetscFunctionBegin;
  if (cli->help) PetscCall(PetscOptionsSetValue(NULL, "-help", NULL));
  PetscOptionsBegin(cli->comm, NULL, "The program nomos", "nomos");
  PetscCall(PetscOptionsBool("-nomos_strict", "An option that nothing uses is an error", "nomos", cli->strict, &cli->strict, NULL));
  PetscCall(PetscOptionsBool("-nomos_trace", "Show PETSc's trace of an error", "nomos", trace, &trace, NULL));
  PetscOptionsEnd();
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode RunVerb(const Verb *verb, Cli *cli)
{
  PetscFunctionBegin;
  Shown = verb;
  if (cli->help) {
    PetscCall(PetscPrintf(cli->comm, "nomos %s: %s\n\n  %s\n\nOptions, <default> and range:\n", verb->name, verb->what, verb->form));
    PetscHelpPrintf = HelpPrintf;
  }
  PetscCall(NomosInitializePackage());
  PetscCall(NomosOptionsClaimAll());
  PetscCall(ProgramOptions(cli));
  PetscCall(verb->run(cli));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- main --------------------------------------------------------------------------------------------------------- */
static const Verb *Find(const char name[])
{
  for (size_t i = 0; i < NUM_VERBS; i++)
    if (!strcmp(name, Verbs[i].name)) return &Verbs[i];
  return NULL;
}

/* `nomos`, `nomos -help`, `nomos -nomos_list`: no verb */
static int NoVerb(int argc, char **argv)
{
  if (argc > 1 && argv[1][0] != '-') {
    fprintf(stderr, "nomos: there is no verb '%s'; the verbs are generate, train, predict, info, check (nomos -help)\n", argv[1]);
    return 1;
  }
  if (argc > 1 && !IsHelp(argv[1])) { /* -nomos_list, -nomos_view */
    if (PetscInitialize(&argc, &argv, NULL, NULL)) return 1;
    signal(SIGPIPE, SIG_DFL); /* as below */
    if (NomosInitializePackage()) return 1;
    return PetscFinalize() ? 1 : 0;
  }
  Usage(stdout);
  return 0;
}

static PetscBool Traced(int argc, char **argv)
{
  for (int i = 2; i < argc; i++)
    if (!strcmp(argv[i], "-nomos_trace")) return PETSC_TRUE;
  return PETSC_FALSE;
}

int main(int argc, char **argv)
{
  const Verb    *verb;
  Cli            cli = {0};
  int            n;
  char         **words;
  PetscErrorCode ierr;
  MPI_Comm       comm = MPI_COMM_NULL;

  if (argc > 1 && !strcmp(argv[1], "--inspect")) return CliInspectChild(argc, argv); /* a child of ours: no PETSc, no MPI */
  verb = argc > 1 ? Find(argv[1]) : NULL;
  if (!verb) return NoVerb(argc, argv);
  words = (char **)malloc(((size_t)argc + 1) * sizeof(*words));
  if (!words) return 1;
  n        = Arrange(argc, argv, words, &cli.help);
  cli.file = FileWord(argc, argv);
  if (n < 0 || Alone(argc, argv, verb->takes_file && cli.file ? 3 : 2)) n = 1; /* start, so that one rank can speak for all */
  if (!Traced(argc, argv) && PetscPushErrorHandler(Remember, NULL)) return 1;
  ierr = PetscInitialize(&n, &words, NULL, NULL);
  if (!ierr && MPI_Comm_dup(PETSC_COMM_WORLD, &comm)) return 1;
  if (Sentence[0] && !ierr) ierr = PETSC_ERR_USER_INPUT;
  cli.comm = PETSC_COMM_WORLD;
  signal(SIGPIPE, SIG_DFL); /* `nomos info FILE | head` is no crash; PETSc would report one */
  if (!ierr) ierr = RunVerb(verb, &cli);
  if (ierr) { /* PETSc's own end would complain about what the error left behind */
    n = Fail(comm, ierr);
    MPI_Initialized(&argc);
    if (argc) MPI_Finalize();
    return n;
  }
  MPI_Comm_free(&comm);
  if (PetscFinalize()) return 1;
  free(words);
  return cli.status;
}
