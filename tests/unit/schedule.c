/* Schedules against torch's (tests/golden/layers.h5), closed forms at the ends, options, and what is refused. */
#include <nomos.h>
#include "nomostest.h"
#include <hdf5.h>
#include <string.h>

#define EPS 2.220446049250313e-16

static double Number(hid_t group, const char name[], double otherwise)
{
  double v = otherwise;
  hid_t  a;

  if (H5Aexists(group, name) <= 0) return otherwise;
  a = H5Aopen(group, name, H5P_DEFAULT);
  CheckTrue(name, H5Aread(a, H5T_NATIVE_DOUBLE, &v) >= 0);
  H5Aclose(a);
  return v;
}
static void Text(hid_t group, const char name[], char out[64])
{
  hid_t a = H5Aopen(group, name, H5P_DEFAULT), t = H5Aget_type(a);

  memset(out, 0, 64);
  if (H5Tis_variable_str(t)) {
    char *p = NULL;
    hid_t m = H5Tcopy(H5T_C_S1);

    H5Tset_size(m, H5T_VARIABLE);
    H5Tset_cset(m, H5Tget_cset(t));
    if (H5Aread(a, m, &p) >= 0 && p) snprintf(out, 64, "%s", p);
    H5free_memory(p);
    H5Tclose(m);
  } else if (H5Tget_size(t) < 64) CheckTrue(name, H5Aread(a, t, out) >= 0);
  H5Tclose(t);
  H5Aclose(a);
}
static int Values(hid_t group, const char name[], double out[1000])
{
  hid_t d = H5Dopen2(group, name, H5P_DEFAULT), s = H5Dget_space(d);
  int   n = (int)H5Sget_simple_extent_npoints(s);

  CheckTrue(name, n <= 1000 && H5Dread(d, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, out) >= 0);
  H5Sclose(s);
  H5Dclose(d);
  return n;
}

/* torch builds its cosine by recurrence, one multiplication a step, and adds roundings of numbers near the first rate. */
static PetscErrorCode Golden(const char name[], int *compared)
{
  static double lr[1000], beta1[1000];
  hid_t         file = H5Fopen(NomosTestFile("tests/golden/layers.h5"), H5F_ACC_RDONLY, H5P_DEFAULT), group;
  char          path[128], type[64];
  double        base, got_lr, got_beta1;
  int           n;
  NomosSchedule s;

  PetscFunctionBegin;
  snprintf(path, sizeof(path), "/schedule/%s", name);
  group = H5Gopen2(file, path, H5P_DEFAULT);
  CheckTrue(path, file >= 0 && group >= 0);
  if (group < 0) PetscFunctionReturn(PETSC_SUCCESS);
  n = Values(group, "lr", lr);
  CheckInt("lengths", Values(group, "beta1", beta1), n);
  Text(group, "type", type);
  base = Number(group, "max_lr", Number(group, "lr0", 0));
  PetscCall(NomosScheduleCreate(PETSC_COMM_SELF, &s));
  PetscCall(NomosScheduleSetType(s, type));
  PetscCall(NomosScheduleSetBase(s, base, beta1[0] < 0.91 ? beta1[0] : 0.9));
  PetscCall(NomosScheduleSetLength(s, (PetscInt)Number(group, "T", Number(group, "total_steps", n))));
  PetscCall(NomosScheduleSetWarmup(s, (PetscInt)Number(group, "warmup", 0)));
  PetscCall(NomosScheduleSetFinal(s, Number(group, "lr_min", 0) / base, 1));
  if (!strcmp(type, "step")) PetscCall(NomosScheduleSetDecay(s, (PetscInt)Number(group, "step_size", Number(group, "step", 0)), Number(group, "gamma", 0.5)));
  PetscCall(NomosScheduleSetOneCycle(s, Number(group, "pct_start", 0.3), Number(group, "div_factor", 25), Number(group, "final_div_factor", 1e4), Number(group, "beta1_base", 0.85), Number(group, "beta1_max", 0.95)));
  for (int t = 0; t < n; t++) {
    PetscCall(NomosScheduleGet(s, t, &got_lr, &got_beta1));
    CheckClose(path, got_lr, lr[t], 40 * EPS * base);
    CheckClose(path, got_beta1, beta1[t], 8 * EPS);
    (*compared)++;
  }
  PetscCall(NomosScheduleDestroy(&s));
  H5Gclose(group);
  H5Fclose(file);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* S1: closed forms at t = 0, 1, T-1, T (T keeps the last value). */
static PetscErrorCode Ends(void)
{
  const double pi = 3.14159265358979323846;
  const int    T  = 50, t[4] = {0, 1, 49, 49};
  const struct {
    const char *type;
    double      want[4];
  } table[] = {
    {"constant", {1, 1, 1, 1}                                                              },
    {"linear",   {1, 49. / 50, 1. / 50, 1. / 50}                                           },
    {"cosine",   {1, (1 + cos(pi / 50)) / 2, (1 + cos(pi * 49 / 50)) / 2, (1 + cos(pi * 49 / 50)) / 2}},
    {"step",     {1, 1, 0.0625, 0.0625}                                                    },
    {"poly",     {1, 49. / 50 * 49 / 50, 1. / 2500, 1. / 2500}                             },
    {"sqrt",     {1, 1 / sqrt(2.0), 1 / sqrt(50.0), 1 / sqrt(50.0)}                        },
    {"exp",      {1, 0.5, pow(0.5, 49), pow(0.5, 49)}                                      },
    {"list",     {0.5, 0.25, 0.125, 0.125}                                                 }
  };
  const PetscReal list[3] = {0.5, 0.25, 0.125};

  PetscFunctionBegin;
  for (size_t k = 0; k < sizeof(table) / sizeof(table[0]); k++) {
    NomosSchedule s;
    PetscReal     lr;

    PetscCall(NomosScheduleCreate(PETSC_COMM_WORLD, &s));
    PetscCall(NomosScheduleSetType(s, table[k].type));
    PetscCall(NomosScheduleSetLength(s, T));
    PetscCall(NomosScheduleSetBase(s, 1, 0.9));
    PetscCall(NomosScheduleSetDecay(s, 10, 0.5));
    PetscCall(NomosScheduleSetFinal(s, 0, !strcmp(table[k].type, "poly") ? 2 : 1));
    PetscCall(NomosScheduleSetList(s, 3, list));
    for (int j = 0; j < 4; j++) {
      PetscCall(NomosScheduleGet(s, j == 3 ? T : t[j], &lr, NULL));
      CheckClose(table[k].type, lr, table[k].want[j], 1e-15);
    }
    PetscCall(NomosScheduleSetUnit(s, 7)); /* constant within an epoch of 7 steps */
    for (int j = 0; j < 7; j++) {
      PetscReal first;

      PetscCall(NomosScheduleGet(s, 7, &first, NULL));
      PetscCall(NomosScheduleGet(s, 7 + j, &lr, NULL));
      CheckTrue("constant within an epoch", lr == first);
      CheckClose(table[k].type, lr, table[k].want[1], 1e-15);
    }
    PetscCall(NomosScheduleDestroy(&s));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Options(void)
{
  NomosSchedule s;
  PetscReal     lr, beta1;
  FILE         *fp;
  PetscMPIInt   rank;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  if (rank == 0) {
    fp = fopen("factors.txt", "w");
    CheckTrue("factors.txt", fp != NULL);
    if (fp) fprintf(fp, "1 0.75\n0.125\n"), fclose(fp);
    fp = fopen("wrong.txt", "w");
    if (fp) fprintf(fp, "1 0.75\nhalf\n"), fclose(fp);
  }
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscCall(NomosScheduleCreate(PETSC_COMM_WORLD, &s));
  PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL));
  CheckInt("no length", NomosScheduleGet(s, 0, &lr, NULL), PETSC_ERR_ARG_WRONGSTATE);
  CheckInt("type", NomosScheduleSetType(s, "downhill"), PETSC_ERR_ARG_UNKNOWN_TYPE);
  CheckInt("length", NomosScheduleSetLength(s, 0), PETSC_ERR_ARG_OUTOFRANGE);
  CheckInt("rate", NomosScheduleSetBase(s, -1, 0.9), PETSC_ERR_ARG_OUTOFRANGE);
  CheckInt("no file", NomosScheduleSetFile(s, "nothing.txt"), PETSC_ERR_FILE_OPEN);
  CheckInt("words in the file", NomosScheduleSetFile(s, "wrong.txt"), PETSC_ERR_FILE_UNEXPECTED);
  CheckInt("part", NomosScheduleSetOneCycle(s, 1.5, 25, 1e4, 0.85, 0.95), PETSC_ERR_ARG_OUTOFRANGE);
  PetscCall(NomosScheduleSetLength(s, 10));
  PetscCall(NomosScheduleSetType(s, "step"));
  CheckInt("step without -tao_schedule_step", NomosScheduleGet(s, 0, &lr, NULL), PETSC_ERR_ARG_WRONGSTATE);
  PetscCall(PetscPopErrorHandler());
  PetscCall(NomosScheduleSetOptionsPrefix(s, "my_"));
  PetscCall(PetscOptionsInsertString(NULL, "-my_tao_schedule_type file -my_tao_schedule_file factors.txt -my_tao_schedule_length 5 -my_tao_schedule_warmup 2"));
  PetscCall(NomosScheduleSetFromOptions(s));
  PetscCall(NomosScheduleSetBase(s, 2, 0.9));
  PetscCall(NomosScheduleGet(s, 0, &lr, &beta1));
  CheckClose("warm-up", lr, 1, 0);
  CheckClose("beta1", beta1, 0.9, 0);
  PetscCall(NomosScheduleGet(s, 3, &lr, NULL));
  CheckClose("second factor of the file, after two units of warm-up", lr, 1.5, 0);
  PetscCall(NomosScheduleGet(s, 4, &lr, NULL));
  CheckClose("last factor of the file", lr, 0.25, 0);
  PetscCall(NomosScheduleDestroy(&s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode All(void)
{
  /* warmup_torch is torch's own form, which is not offered */
  const char *const names[] = {"constant", "cosine_30", "cosine_min", "linear", "onecycle_100", "onecycle_20", "onecycle_37", "onecycle_7", "step", "warmup_constant", "warmup_cosine", "warmup_linear"};
  int               compared = 0;

  PetscFunctionBegin;
  for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++) PetscCall(Golden(names[k], &compared));
  CheckTrue("hundreds of stored values", compared > 300);
  PetscCall(Ends());
  PetscCall(Options());
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  NomosTestBegin(argc, argv);
  CheckTrue("no error", All() == PETSC_SUCCESS);
  return NomosTestEnd();
}
/*TEST
  np: 1 2
TEST*/
