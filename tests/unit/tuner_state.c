/* Round trip of the state: save, load, continue gives the decisions of a run that was not interrupted, for every learner; equal
   runs are equal; ranks agree; files of another tuner, cut, damaged or absent are refused with the tuner left as new. */
#include <nomos.h>
#include "nomostest.h"
#include <string.h>
#include <unistd.h>

static const char *const Methods[] = {"tsallis", "tsallisbins", "chebcb", "gp", "young", "fixed", "uniform", "sweep"};

static PetscErrorCode NewTuner(MPI_Comm comm, const char method[], PetscInt arms, PetscBool ts, NomosTuner *t)
{
  PetscFunctionBegin;
  PetscCall(NomosTunerCreate(comm, t));
  PetscCall(NomosTunerAddNumericParameter(*t, "omega", 1, 1.95, arms, NOMOS_SCALE_LINEAR));
  PetscCall(NomosTunerAddCategoricalParameter(*t, "kind", 2, (const char *const[]){"plain", "fancy"}));
  PetscCall(NomosTunerAddContext(*t, "c", -6, 0, PETSC_TRUE));
  PetscCall(NomosTunerSetMethod(*t, method));
  PetscCall(NomosTunerSetName(*t, "state"));
  PetscCall(NomosTunerSetSeed(*t, 5));
  PetscCall(NomosTunerSetCostFloor(*t, 1));
  PetscCall(NomosTunerSetGP(*t, 2, ts, 0.35, 1e-5));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* `nomos info` and `nomos check` know such a file, and refuse it when a bit is another. */
static void Inspected(const char method[])
{
  char  text[8192], want[64];
  FILE *f;
  int   c = 0;

  CheckInt("a sound state", NomosFileInspect("inspect.h5", 0, text, sizeof(text)), 0);
  CheckTrue(text, strstr(text, "inspect.h5: tuner nomos-tuner/1, tuners=1 ") != NULL && strstr(text, "\n  state: method ") != NULL && strstr(text, "omega") != NULL);
  snprintf(want, sizeof(want), "method %s, rounds ", method);
  CheckTrue(text, strstr(text, want) != NULL);
  f = fopen("inspect.h5", "r+b");
  if (f && !fseek(f, 3000, SEEK_SET)) c = fgetc(f);
  if (f && !fseek(f, 3000, SEEK_SET)) fputc(c ^ 8, f);
  if (f) fclose(f);
  CheckTrue("a flipped bit", f != NULL && NomosFileInspect("inspect.h5", 0, text, sizeof(text)) == 1);
  CheckTrue(text, strstr(text, "changed or damaged") != NULL);
}

/* Rounds k0..k1-1; hash of the decisions. Costs depend on the round alone; some rounds fail, are cancelled, miss their context. */
static PetscErrorCode Rounds(NomosTuner t, int k0, int k1, uint64_t *hash)
{
  PetscFunctionBegin;
  for (int k = k0; k < k1; k++) {
    const double c = k % 37 == 20 ? (double)NAN : -1.5 + 1.2 * sin(0.7 * k);
    PetscInt     arm;
    PetscReal    v[2], limit, cost;

    PetscCall(NomosTunerSelect(t, &c, &arm, v));
    PetscCall(NomosTunerGetLimit(t, &limit));
    *hash = (*hash ^ (uint64_t)(arm + 1)) * 0x100000001b3u;
    *hash = (*hash ^ (uint64_t)(limit < 1e15 ? 1000 * limit : 7)) * 0x100000001b3u;
    cost  = floor(30 + 400 * (v[0] - 1.5) * (v[0] - 1.5) + 20 * v[1] + 3 * (k % 5));
    if (k % 41 == 13) PetscCall(NomosTunerCancel(t));
    else if (k % 29 == 11) PetscCall(NomosTunerReport(t, 3 * cost, PETSC_TRUE));
    else PetscCall(NomosTunerReport(t, cost, PETSC_FALSE));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode RoundTrip(const char method[], PetscBool ts)
{
  const MPI_Comm       comm = PETSC_COMM_WORLD;
  NomosTuner           a, b, c;
  uint64_t             whole = 1, again = 1, first = 1;
  NomosTunerStatistics s1, s2;
  char                 text[128];
  PetscMPIInt          rank;

  PetscFunctionBegin;
  PetscCall(NewTuner(comm, method, 6, ts, &a));
  PetscCall(Rounds(a, 0, 600, &whole));
  PetscCall(NewTuner(comm, method, 6, ts, &b));
  PetscCall(Rounds(b, 0, 300, &first));
  PetscCall(NomosTunerSave(b, "state.h5"));
  PetscCall(NomosTunerSave(b, "inspect.h5"));
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  if (!rank) Inspected(method);
  again = first;
  PetscCall(Rounds(b, 300, 600, &again));
  snprintf(text, sizeof(text), "%s: equal runs decide equally, saving changes nothing", method);
  CheckTrue(text, again == whole);
  PetscCall(NewTuner(comm, method, 6, ts, &c));
  PetscCall(NomosTunerSetSeed(c, 99)); /* the file's seed wins */
  PetscCall(NomosTunerLoad(c, "state.h5"));
  again = first;
  PetscCall(Rounds(c, 300, 600, &again));
  snprintf(text, sizeof(text), "%s: a reloaded run decides as an uninterrupted one", method);
  CheckTrue(text, again == whole);
  PetscCall(NomosTunerGetStatistics(a, &s1));
  PetscCall(NomosTunerGetStatistics(c, &s2));
  CheckTrue("statistics too", s1.rounds == s2.rounds && s1.spent == s2.spent && s1.baseline_cost == s2.baseline_cost && s1.missing == s2.missing && s1.cancelled == s2.cancelled && s1.banned == s2.banned && s1.failures == s2.failures);
  CheckTrue("rounds, failures and cancelled ones were counted", s1.rounds == 600 - s1.cancelled && s1.cancelled == 15 && s1.failures > 10 && s1.missing > 10);
  PetscCall(NomosTunerDestroy(&a));
  PetscCall(NomosTunerDestroy(&b));
  PetscCall(NomosTunerDestroy(&c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The arms of a saved run again, although the costs are others now; cancelled rounds play the baseline. */
static PetscErrorCode Replay(const char method[])
{
  NomosTuner t, u;
  PetscInt   was[200], arm;
  int        same = 1;

  PetscFunctionBegin;
  PetscCall(NewTuner(PETSC_COMM_WORLD, method, 6, PETSC_FALSE, &t));
  PetscCall(NomosTunerSetBudget(t, -1));
  for (int k = 0; k < 200; k++) {
    const double c = -1 + 0.5 * sin(k);

    PetscCall(NomosTunerSelect(t, &c, &was[k], NULL));
    if (k % 20 == 7) {
      was[k] = 0;
      PetscCall(NomosTunerCancel(t));
    } else PetscCall(NomosTunerReport(t, 10 + (double)(was[k] % 5), PETSC_FALSE));
  }
  PetscCall(NomosTunerSave(t, "replay.h5"));
  PetscCall(NomosTunerDestroy(&t));
  PetscCall(NewTuner(PETSC_COMM_WORLD, method, 6, PETSC_FALSE, &u));
  PetscCall(NomosTunerSetReplay(u, "replay.h5"));
  for (int k = 0; k < 260; k++) {
    const double c = -1 + 0.5 * cos(k);

    PetscCall(NomosTunerSelect(u, &c, &arm, NULL));
    same = same && (k >= 200 || arm == was[k]);
    PetscCall(NomosTunerReport(u, 100 - (double)arm, PETSC_FALSE));
  }
  CheckTrue("the arms of a saved run are played again", same);
  PetscCall(NomosTunerDestroy(&u));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The gp that has handed over to tsallis comes back as tsallis. */
static PetscErrorCode HandOver(void)
{
  NomosTuner  t, u;
  const char *name;

  PetscFunctionBegin;
  PetscCall(NomosTunerCreate(PETSC_COMM_WORLD, &t));
  PetscCall(NomosTunerAddNumericParameter(t, "v", 0, 1, 5, NOMOS_SCALE_LINEAR));
  PetscCall(NomosTunerSetMethod(t, NOMOSTUNERGP));
  for (int k = 0; k < 500; k++) {
    PetscCall(NomosTunerSelect(t, NULL, NULL, NULL));
    PetscCall(NomosTunerReport(t, k * 7 % 11 < 5 ? 10 : 100, PETSC_FALSE)); /* the level jumps and nothing explains it */
  }
  PetscCall(NomosTunerGetMethod(t, &name));
  CheckTrue("gp hands over to tsallis", !strcmp(name, NOMOSTUNERTSALLIS));
  PetscCall(NomosTunerSave(t, "handover.h5"));
  PetscCall(NomosTunerCreate(PETSC_COMM_WORLD, &u));
  PetscCall(NomosTunerAddNumericParameter(u, "v", 0, 1, 5, NOMOS_SCALE_LINEAR));
  PetscCall(NomosTunerSetMethod(u, NOMOSTUNERGP));
  PetscCall(NomosTunerLoad(u, "handover.h5"));
  PetscCall(NomosTunerGetMethod(u, &name));
  CheckTrue("and comes back as tsallis", !strcmp(name, NOMOSTUNERTSALLIS));
  for (int k = 0; k < 50; k++) {
    PetscInt i, j;

    PetscCall(NomosTunerSelect(t, NULL, &i, NULL));
    PetscCall(NomosTunerSelect(u, NULL, &j, NULL));
    CheckInt("the same arm", i, j);
    PetscCall(NomosTunerReport(t, 5, PETSC_FALSE));
    PetscCall(NomosTunerReport(u, 5, PETSC_FALSE));
  }
  PetscCall(NomosTunerDestroy(&t));
  PetscCall(NomosTunerDestroy(&u));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- other arms, another clock ------------------------------------------------------------------------------------- */
typedef struct {
  const char *method, *context;
  PetscInt    arms;
  PetscReal   lo;
} Kin;

static PetscErrorCode NewKin(Kin k, NomosTuner *t)
{
  PetscFunctionBegin;
  PetscCall(NomosTunerCreate(PETSC_COMM_WORLD, t));
  PetscCall(NomosTunerAddNumericParameter(*t, "omega", 1, 1.95, k.arms, NOMOS_SCALE_LINEAR));
  PetscCall(NomosTunerAddContext(*t, k.context, k.lo, 0, PETSC_TRUE));
  PetscCall(NomosTunerSetMethod(*t, k.method));
  PetscCall(NomosTunerSetName(*t, "kin"));
  PetscCall(NomosTunerSetSeed(*t, 8));
  PetscCall(NomosTunerSetCostFloor(*t, 1));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* No round is cancelled and no context missing; omega = 1.57 is best. share: of the rounds, those with the best arm. */
static PetscErrorCode KinRounds(NomosTuner t, int k0, int k1, uint64_t *hash, double *share)
{
  PetscFunctionBegin;
  *share = 0;
  for (int k = k0; k < k1; k++) {
    const double c = -1.5 + 1.2 * sin(0.7 * k);
    PetscInt     arm;
    PetscReal    v;

    PetscCall(NomosTunerSelect(t, &c, &arm, &v));
    *hash = (*hash ^ (uint64_t)(arm + 1)) * 0x100000001b3u;
    *share += fabs(v - 1.57) < 0.01 ? 1. / (k1 - k0) : 0;
    PetscCall(NomosTunerReport(t, floor(30 + 400 * (v - 1.57) * (v - 1.57) + 3 * (k % 5)), PETSC_FALSE));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The name of a context is another one: load mode `arms` tells every round again, and what follows is what would have been. With
   twice the arms the best known one is known at once; one parameter more, and nothing is. */
static PetscErrorCode OtherArms(const char method[], PetscBool learns)
{
  const Kin  old = {method, "c", 6, -6}, renamed = {method, "d", 6, -6}, finer = {method, "c", 11, -6};
  NomosTuner t, u;
  uint64_t   first = 1, whole, again, none = 1;
  double     share, known, fresh;
  PetscInt64 was[6], is[11];
  char       text[160];
  int        kept = 1;
  PetscMPIInt rank;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCall(NewKin(old, &t));
  PetscCall(KinRounds(t, 0, 400, &first, &share));
  PetscCall(NomosTunerGetPulls(t, was));
  PetscCall(NomosTunerSave(t, "kin.h5"));
  whole = again = first;
  PetscCall(KinRounds(t, 400, 600, &whole, &share));
  PetscCall(NomosTunerDestroy(&t));

  PetscCall(NewKin(renamed, &u));
  PetscCall(NomosTunerSetLoadMode(u, NOMOS_LOAD_ARMS));
  PetscCall(NomosTunerLoad(u, "kin.h5"));
  PetscCall(KinRounds(u, 400, 600, &again, &share));
  snprintf(text, sizeof(text), "%s: every arm known: decisions of an uninterrupted run", method);
  CheckTrue(text, again == whole);
  PetscCall(NomosTunerDestroy(&u));

  PetscCall(NewKin(finer, &u));
  PetscCall(NomosTunerSetLoadMode(u, NOMOS_LOAD_ARMS));
  PetscCall(NomosTunerLoad(u, "kin.h5"));
  PetscCall(NomosTunerGetPulls(u, is));
  for (int i = 0; i < 6; i++) kept = kept && is[2 * i] == was[i] && (i == 5 || !is[2 * i + 1]);
  snprintf(text, sizeof(text), "%s: the pulls of equal arms, none of the others", method);
  if (!rank) CheckTrue(text, kept); /* rank 0 holds the learner */
  PetscCall(KinRounds(u, 400, 600, &none, &known));
  PetscCall(NomosTunerDestroy(&u));
  PetscCall(NewKin(finer, &u));
  PetscCall(KinRounds(u, 400, 600, &none, &fresh));
  PetscCall(NomosTunerDestroy(&u));
  snprintf(text, sizeof(text), "%s: best arm in %.2f of the next 200 rounds, in %.2f without the state", method, known, fresh);
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%s\n", text));
  if (learns) CheckTrue(text, known >= fresh);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Times of another device: half the pulls, the same best arm, and a draw that is less sure. Iterations: nothing changes. */
static PetscErrorCode OtherClock(const char method[])
{
  const Kin    kin = {method, "c", 6, -6};
  const double c   = -1;
  NomosTuner   t, u;
  uint64_t     hash = 1;
  double       share;
  PetscInt64   was[6], is[6];
  PetscInt     best[2];
  PetscReal    p[6], top[2] = {0, 0};
  char         text[160];
  int          half = 1;
  PetscMPIInt  rank;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  for (int time = 0; time < 2; time++) {
    const char *kind = time ? "time" : "its";

    PetscCall(NewKin(kin, &t));
    PetscCall(NomosTunerSetCostKind(t, kind, "host"));
    PetscCall(KinRounds(t, 0, 400, &hash, &share));
    PetscCall(NomosTunerGetPulls(t, was));
    PetscCall(NomosTunerGetBest(t, &c, &best[0]));
    PetscCall(NomosTunerSave(t, "clock.h5"));
    PetscCall(NomosTunerDestroy(&t));
    PetscCall(NewKin(kin, &u));
    PetscCall(NomosTunerSetCostKind(u, kind, "device"));
    PetscCall(NomosTunerLoad(u, "clock.h5"));
    PetscCall(NomosTunerGetPulls(u, is));
    PetscCall(NomosTunerGetBest(u, &c, &best[1]));
    for (int i = 0; i < 6; i++) half = half && is[i] == (time && was[i] > 1 ? was[i] / 2 : was[i]);
    snprintf(text, sizeof(text), "%s, cost %s: pulls", method, kind);
    if (!rank) CheckTrue(text, half);
    CheckInt("the best arm stays", best[1], best[0]);
    if (!strcmp(method, "tsallis")) {
      PetscCall(NomosTunerSelect(u, &c, NULL, NULL));
      PetscCall(NomosTunerGetProbabilities(u, p));
      for (int i = 0; i < 6 && !rank; i++) top[time] = PetscMax(top[time], p[i]);
      PetscCall(NomosTunerCancel(u));
    }
    PetscCall(NomosTunerDestroy(&u));
  }
  CheckTrue("a draw after doubt is less sure", rank || strcmp(method, "tsallis") || top[1] < top[0]);
  PetscCall(NewKin(kin, &u));
  PetscCall(NomosTunerSetCostKind(u, "its", "host"));
  PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL));
  CheckInt("times for iterations", NomosTunerLoad(u, "clock.h5"), PETSC_ERR_ARG_INCOMP);
  CheckInt("but its arms can be played again, whatever they cost now", NomosTunerSetReplay(u, "clock.h5"), 0);
  PetscCall(PetscPopErrorHandler());
  PetscCall(NomosTunerSetLoadMode(u, NOMOS_LOAD_IGNORE));
  PetscCall(NomosTunerLoad(u, "clock.h5"));
  PetscCall(NomosTunerDestroy(&u));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One rank: each refusal has its code, and the tuner works afterwards. */
static PetscErrorCode Refusals(void)
{
  NomosTuner t;
  uint64_t   hash = 1, fresh = 1;
  FILE      *f;
  static char bytes[1 << 20];
  size_t     n;

  PetscFunctionBegin;
  PetscCall(NewTuner(PETSC_COMM_SELF, "tsallis", 6, PETSC_FALSE, &t));
  PetscCall(Rounds(t, 0, 100, &hash));
  PetscCall(NomosTunerSave(t, "good.h5"));
  PetscCall(NomosTunerDestroy(&t));
  f = fopen("good.h5", "rb");
  n = fread(bytes, 1, sizeof(bytes), f);
  fclose(f);
  f = fopen("cut.h5", "wb");
  fwrite(bytes, 1, n / 2, f);
  fclose(f);
  bytes[n / 2] ^= 1;
  f = fopen("damaged.h5", "wb");
  fwrite(bytes, 1, n, f);
  fclose(f);

  PetscCall(NewTuner(PETSC_COMM_SELF, "tsallis", 7, PETSC_FALSE, &t));
  PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL));
  CheckInt("no such file", NomosTunerLoad(t, "nothing.h5"), PETSC_ERR_FILE_OPEN);
  CheckInt("cut", NomosTunerLoad(t, "cut.h5"), PETSC_ERR_FILE_UNEXPECTED);
  CheckInt("damaged", NomosTunerLoad(t, "damaged.h5"), PETSC_ERR_FILE_UNEXPECTED);
  CheckInt("another grid", NomosTunerLoad(t, "good.h5"), PETSC_ERR_ARG_INCOMP);
  CheckInt("another grid to repeat", NomosTunerSetReplay(t, "good.h5"), PETSC_ERR_ARG_INCOMP);
  CheckTrue("a folder that is not there", NomosTunerSave(t, "nowhere/state.h5") != PETSC_SUCCESS);
  PetscCall(NomosTunerSetName(t, "stranger"));
  CheckInt("another name", NomosTunerLoad(t, "good.h5"), PETSC_ERR_FILE_UNEXPECTED);
  PetscCall(PetscPopErrorHandler());
  PetscCall(NomosTunerSetName(t, "state"));
  PetscCall(NomosTunerSetLoadMode(t, NOMOS_LOAD_IGNORE));
  PetscCall(NomosTunerLoad(t, "good.h5"));
  hash = 1;
  PetscCall(Rounds(t, 0, 100, &hash));
  PetscCall(NomosTunerDestroy(&t));
  PetscCall(NewTuner(PETSC_COMM_SELF, "tsallis", 7, PETSC_FALSE, &t));
  PetscCall(Rounds(t, 0, 100, &fresh));
  CheckTrue("after refusals the tuner is as new", hash == fresh);
  PetscCall(NomosTunerDestroy(&t));

  PetscCall(NewTuner(PETSC_COMM_SELF, "gp", 6, PETSC_FALSE, &t));
  PetscCall(NomosTunerSetSave(t, "interval.h5", 50));
  PetscCall(Rounds(t, 0, 60, &hash));
  CheckTrue("saved at the interval", !access("interval.h5", R_OK));
  CheckTrue("nothing half-written is left", access("interval.h5.part", R_OK) != 0);
  unlink("interval.h5");
  PetscCall(NomosTunerDestroy(&t));
  CheckTrue("saved at the end", !access("interval.h5", R_OK));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  PetscMPIInt rank;

  NomosTestBegin(argc, argv);
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  for (int m = 0; m < 8; m++) PetscCall(RoundTrip(Methods[m], PETSC_FALSE));
  PetscCall(RoundTrip("gp", PETSC_TRUE));
  for (int m = 0; m < 8; m++) {
    if (m == 4) continue; /* young needs a radius that the rounds do not carry */
    PetscCall(OtherArms(Methods[m], (PetscBool)(m < 4)));
    PetscCall(OtherClock(Methods[m]));
  }
  PetscCall(HandOver());
  PetscCall(Replay("tsallis"));
  PetscCall(Replay("gp"));
  if (!rank) PetscCall(Refusals());
  return NomosTestEnd();
}
/*TEST
  np: 1 3
TEST*/
