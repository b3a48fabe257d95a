/*
  model.c - models in files: a map from an option list, its parameters by name, and back.

  A model is an option list and tensors: the blocks of the parameter vector under their names, and the normalisers as
  input_normalizer.mean, .std, output_normalizer.mean, .std. Rank 0 reads and writes; the others get what it read.
*/
#include "model.h"

static const char *const NormNames[4] = {"input_normalizer.mean", "input_normalizer.std", "output_normalizer.mean", "output_normalizer.std"};

/* ---- option lists ------------------------------------------------------------------------------------------------ */
static PetscBool IsKey(const char word[])
{
  return word[0] == '-' && ((word[1] >= 'a' && word[1] <= 'z') || (word[1] >= 'A' && word[1] <= 'Z')) ? PETSC_TRUE : PETSC_FALSE;
}

/* These say how to compute, not what: the command line may change them for a model from a file. */
static PetscBool MayOverride(const char key[])
{
  return !strcmp(key, "-net_precision") || !strcmp(key, "-net_fno_conv") || !strcmp(key, "-net_fno_shift") ? PETSC_TRUE : PETSC_FALSE;
}

/* A model's settings live in its file: another value on the command line is a contradiction, but for the three above. */
static PetscErrorCode MergeCommandLine(MPI_Comm comm, const char label[], const char text[], PetscOptions opts)
{
  int       n;
  char    **words, value[256];
  PetscBool set;

  PetscFunctionBegin;
  PetscCall(PetscStrToArray(text, ' ', &n, &words));
  for (int i = 0; i < n; i++) {
    const char *in_file = i + 1 < n && !IsKey(words[i + 1]) ? words[i + 1] : "true";

    if (strncmp(words[i], "-net_", 5)) continue;
    PetscCall(PetscOptionsGetString(NULL, NULL, words[i], value, sizeof(value), &set));
    if (!set || !strcmp(value, in_file)) continue;
    PetscCheck(MayOverride(words[i]), comm, PETSC_ERR_ARG_INCOMP, "%s is %s in '%s' and %s on the command line; leave the option out, or train another model", words[i], in_file, label, value);
  }
  PetscCall(PetscStrToArrayDestroy(n, words));
  for (int i = 0; i < 3; i++) {
    static const char *const keys[3] = {"-net_precision", "-net_fno_conv", "-net_fno_shift"};

    PetscCall(PetscOptionsGetString(NULL, NULL, keys[i], value, sizeof(value), &set));
    if (set) PetscCall(PetscOptionsSetValue(opts, keys[i], value));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A net whose settings come from these options alone. */
static PetscErrorCode CreateFrom(MPI_Comm comm, PetscOptions opts, NomosMap *out)
{
  NomosMap  m;
  PetscBool has;

  PetscFunctionBegin;
  PetscCall(PetscOptionsHasName(opts, NULL, "-net_type", &has));
  PetscCall(NomosMapCreate(comm, "net", &m));
  PetscCall(PetscObjectSetOptions((PetscObject)m, opts));
  if (!has) PetscCall(NomosMapSetType(m, NOMOSFNO));
  PetscCall(NomosMapSetFromOptions(m));
  PetscCall(PetscObjectSetOptions((PetscObject)m, NULL));
  *out = m;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosMapCreateFromText(MPI_Comm comm, const char text[], NomosMap *out)
{
  PetscOptions opts;

  PetscFunctionBegin;
  PetscCall(PetscOptionsCreate(&opts));
  PetscCall(PetscOptionsInsertString(opts, text));
  PetscCall(CreateFrom(comm, opts, out));
  PetscCall(PetscOptionsDestroy(&opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The same net once more: settings, normalisers, backend; grid, batch and parameters are the caller's. */
PetscErrorCode NomosMapClone(NomosMap m, NomosMap *out)
{
  char        *text;
  NomosBackend backend;

  PetscFunctionBegin;
  PetscCheck(!strcmp(m->family, "net"), PetscObjectComm((PetscObject)m), PETSC_ERR_SUP, "only a net can be copied, not a %s", m->family);
  PetscCall(NomosMapGetOptions(m, &text));
  PetscCall(NomosMapCreateFromText(PetscObjectComm((PetscObject)m), text, out));
  PetscCall(PetscFree(text));
  PetscCall(NomosMapGetBackend(m, &backend));
  PetscCall(NomosMapSetBackend(*out, backend));
  PetscCall(NomosMapSetChannels(*out, m->channels_in, m->channels_out));
  PetscCall(NomosMapSetPrecision(*out, m->precision));
  PetscCall(NomosMapSetNormalizer(*out, m->channels_in, m->norm_in, m->norm_in + m->channels_in, m->channels_out, m->norm_out, m->norm_out + m->channels_out));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- the grid in an option list ------------------------------------------------------------------------------------ */
static PetscErrorCode AppendGrid(NomosMap m, const char options[], char **text)
{
  const NomosGrid *g = &m->grid;
  char             line[1024] = "";
  size_t           n, have;

  PetscFunctionBegin;
  if (m->grid_set) {
    static const char *const keys[4] = {" -net_grid ", " -net_grid_length ", " -net_grid_offset ", " -net_grid_periodic "};

    for (int k = 0; k < 4; k++)
      for (PetscInt j = 0; j < g->dim; j++) {
        n = strlen(line);
        snprintf(line + n, sizeof(line) - n, "%s", j ? "," : keys[k]);
        n = strlen(line);
        if (k == 0 || k == 3) snprintf(line + n, sizeof(line) - n, "%lld", k ? (long long)g->periodic[j] : (long long)g->n[j]);
        else snprintf(line + n, sizeof(line) - n, "%.17g", (double)(k == 1 ? g->length[j] : g->offset[j]));
      }
  }
  have = strlen(options) + strlen(line) + 1;
  PetscCall(PetscMalloc1(have, text));
  snprintf(*text, have, "%s%s", options, line);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The training grid, or any grid with as many axes as a list of modes has numbers: blocks do not depend on its points. */
static PetscErrorCode GridFrom(MPI_Comm comm, const char label[], PetscOptions opts, NomosGrid *g)
{
  PetscInt  n = NOMOS_MAX_DIM, m = NOMOS_MAX_DIM, periodic[NOMOS_MAX_DIM];
  PetscBool set;

  PetscFunctionBegin;
  PetscCall(PetscMemzero(g, sizeof(*g)));
  for (PetscInt j = 0; j < NOMOS_MAX_DIM; j++) g->length[j] = 1;
  PetscCall(PetscOptionsGetIntArray(opts, NULL, "-net_grid", g->n, &n, &set));
  if (!set) {
    n = NOMOS_MAX_DIM;
    PetscCall(PetscOptionsGetIntArray(opts, NULL, "-net_fno_modes", g->n, &n, &set));
    for (PetscInt j = 0; j < n; j++) g->n[j] = 16;
  }
  PetscCheck(set && n > 0, comm, PETSC_ERR_FILE_UNEXPECTED, "the options of '%s' name neither -net_grid nor -net_fno_modes: the number of axes is not known; give the option list with -options_file", label);
  g->dim = n;
  PetscCall(PetscOptionsGetRealArray(opts, NULL, "-net_grid_length", g->length, (m = NOMOS_MAX_DIM, &m), NULL));
  PetscCall(PetscOptionsGetRealArray(opts, NULL, "-net_grid_offset", g->offset, (m = NOMOS_MAX_DIM, &m), NULL));
  PetscCall(PetscOptionsGetIntArray(opts, NULL, "-net_grid_periodic", periodic, (m = NOMOS_MAX_DIM, &m), &set));
  for (PetscInt j = 0; set && j < m; j++) g->periodic[j] = periodic[j] ? PETSC_TRUE : PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- reading ------------------------------------------------------------------------------------------------------- */
/* Rank 0: the tensor of a block into its place, with the very shape. */
static int ReadBlock(NomosWeights w, const char label[], const NomosBlock *b, PetscScalar values[], NomosWhy *why)
{
  int64_t shape[NOMOS_MAX_RANK];
  int     rank, i = NomosWeightsFind(w, b->name);

  if (i < 0) return NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s' has no tensor '%s', which its options ask for", label, b->name);
  if (NomosWeightsGet(w, i, NULL, &rank, shape, why)) return why->code;
  for (int j = 0; j < rank; j++)
    if (rank != b->rank || shape[j] != b->shape[j]) return NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "tensor '%s' of '%s', axis %d: found %lld entries, expected %lld (%d and %d axes)", b->name, label, j, (long long)shape[j], j < b->rank ? (long long)b->shape[j] : 0LL, rank, (int)b->rank);
  if (rank != b->rank) return NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "tensor '%s' of '%s' has %d axes, expected %d", b->name, label, rank, (int)b->rank);
  return NomosWeightsRead(w, i, values + b->start, why);
}

/* Rank 0: tensors that nothing asked for. */
static int CheckExtra(NomosWeights w, const char label[], NomosMap m, NomosWhy *why)
{
  int64_t     shape[NOMOS_MAX_RANK];
  const char *name;
  int         rank;

  for (int i = 0; i < NomosWeightsCount(w); i++) {
    int known = 0;

    if (NomosWeightsGet(w, i, &name, &rank, shape, why)) return why->code;
    for (PetscInt b = 0; b < m->nblocks && !known; b++) known = !strcmp(name, m->blocks[b].name);
    for (int k = 0; k < 4 && !known; k++) known = !strcmp(name, NormNames[k]);
    if (!known) return NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s' has a tensor '%s' that the model of its options does not; check the options (block, factorization, layers)", label, name);
  }
  return 0;
}

static PetscErrorCode ReadNormalizers(MPI_Comm comm, NomosWeights w, const char label[], NomosMap m)
{
  PetscMPIInt rank, have[4] = {0, 0, 0, 0};
  NomosWhy    why = {0, ""};
  PetscReal  *v;
  PetscInt    c[4] = {m->channels_in, m->channels_in, m->channels_out, m->channels_out}, at = 0;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  PetscCall(PetscCalloc1(2 * (m->channels_in + m->channels_out), &v));
  for (int k = 0; k < 4; at += c[k++]) {
    int64_t shape[NOMOS_MAX_RANK];
    int     r, i;

    if (rank || (i = NomosWeightsFind(w, NormNames[k])) < 0) continue;
    if (NomosWeightsGet(w, i, NULL, &r, shape, &why)) break;
    if (r != 1 || shape[0] != c[k]) {
      NomosWhySet(&why, PETSC_ERR_FILE_UNEXPECTED, "tensor '%s' of '%s' has %lld entries, expected one per channel, %d; see -net_channels_in, -net_channels_out", NormNames[k], label, (long long)shape[0], (int)c[k]);
      break;
    }
    have[k] = 1;
    NomosWeightsRead(w, i, v + at, &why);
  }
  PetscCall(NomosWhyRaise(comm, &why));
  PetscCallMPI(MPI_Bcast(have, 4, MPI_INT, 0, comm));
  PetscCallMPI(MPI_Bcast(v, (PetscMPIInt)at, MPIU_REAL, 0, comm));
  PetscCheck(have[0] == have[1] && have[2] == have[3], comm, PETSC_ERR_FILE_UNEXPECTED, "'%s' has a normaliser's mean without its std, or the other way round", label);
  PetscCall(NomosMapSetNormalizer(m, c[0], have[0] ? v : NULL, v + c[0], c[2], have[2] ? v + 2 * c[0] : NULL, v + 2 * c[0] + c[2]));
  PetscCall(PetscFree(v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ReadParameters(MPI_Comm comm, NomosWeights w, const char label[], NomosMap m)
{
  PetscMPIInt  rank;
  NomosWhy     why = {0, ""};
  PetscScalar *p;
  PetscInt     np;
  Vec          v;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  PetscCall(NomosMapGetSizes(m, NULL, &np, NULL));
  PetscCall(VecCreateSeq(PETSC_COMM_SELF, np, &v));
  PetscCall(VecGetArrayWrite(v, &p));
  if (rank == 0) {
    for (PetscInt b = 0; b < m->nblocks && !why.code; b++) ReadBlock(w, label, &m->blocks[b], p, &why);
    if (!why.code) CheckExtra(w, label, m, &why);
  }
  PetscCall(NomosWhyRaise(comm, &why));
  for (PetscInt at = 0; at < np; at += 1 << 26) PetscCallMPI(MPI_Bcast(p + at, (PetscMPIInt)PetscMin(1 << 26, np - at), MPIU_SCALAR, 0, comm));
  PetscCall(VecRestoreArrayWrite(v, &p));
  PetscCall(NomosMapSetParameters(m, v));
  PetscCall(VecDestroy(&v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Options of the file, or, where it has none (weights of other programs), of the command line. */
static PetscErrorCode OptionsOf(MPI_Comm comm, NomosWeights w, const char label[], char **text, PetscOptions *opts)
{
  PetscMPIInt rank, n = 0;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  if (rank == 0) n = (PetscMPIInt)strlen(NomosWeightsGetOptions(w)) + 1;
  PetscCallMPI(MPI_Bcast(&n, 1, MPI_INT, 0, comm));
  PetscCall(PetscCalloc1(n, text));
  if (rank == 0) PetscCall(PetscArraycpy(*text, NomosWeightsGetOptions(w), n));
  PetscCallMPI(MPI_Bcast(*text, n, MPI_CHAR, 0, comm));
  *opts = NULL; /* the options in force */
  if (n <= 1) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscOptionsCreate(opts));
  PetscCall(PetscOptionsInsertString(*opts, *text));
  PetscCall(MergeCommandLine(comm, label, *text, *opts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosMapLoad - a trained net from a file: settings, normalisers, parameters

  Collective

  Input Parameters:
+ comm - ranks that get the net
- file - nomos-checkpoint/1 (a model or a checkpoint) or safetensors

  Output Parameter:
. map - the net, with its training grid where the file says it; NomosMapSetGrid() takes it to another resolution

  Options Database Keys:
+ -net_precision - may differ from the file's; so may -net_fno_conv and -net_fno_shift
- -net_...       - read where the file has no option list (safetensors of another program)

  Errors: PETSC_ERR_FILE_OPEN; PETSC_ERR_FILE_UNEXPECTED for a damaged file, a missing, surplus or misshapen tensor;
          PETSC_ERR_ARG_INCOMP for an option that contradicts the file

  Level: beginner
.seealso: `NomosMapSave()`, `NomosMapApplyDM()`
@*/
PetscErrorCode NomosMapLoad(MPI_Comm comm, const char file[], NomosMap *map)
{
  NomosWeights w = NULL;
  NomosWhy     why = {0, ""};
  PetscMPIInt  rank;
  PetscOptions opts;
  NomosGrid    grid;
  PetscBool    shift;
  char        *text;

  PetscFunctionBegin;
  PetscAssertPointer(map, 3);
  *map = NULL;
  PetscCall(NomosInitializePackage());
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  if (rank == 0) NomosWeightsOpen(file, &w, &why);
  PetscCall(NomosWhyRaise(comm, &why));
  PetscCall(OptionsOf(comm, w, file, &text, &opts));
  PetscCall(GridFrom(comm, file, opts, &grid));
  PetscCall(CreateFrom(comm, opts, map));
  PetscCall(PetscOptionsHasName(opts, NULL, "-net_fno_shift", &shift)); /* files of ours say it */
  if (!shift) PetscTryMethod(*map, "NomosMapImported_C", (NomosMap), (*map));
  PetscCall(PetscOptionsDestroy(&opts));
  PetscCall(PetscFree(text));
  PetscCall(NomosMapSetGrid(*map, &grid));
  PetscCall(ReadNormalizers(comm, w, file, *map));
  PetscCall(ReadParameters(comm, w, file, *map));
  if (rank == 0) NomosWeightsClose(&w);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ---- writing ------------------------------------------------------------------------------------------------------- */
/* The option list of a model, with its grid; PetscFree(). */
PetscErrorCode NomosMapGetModelOptions(NomosMap m, char **text)
{
  char *options;

  PetscFunctionBegin;
  PetscCall(NomosMapGetOptions(m, &options));
  PetscCall(AppendGrid(m, options, text));
  PetscCall(PetscFree(options));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Blocks and normalisers as tensors that point into p and into the map; out has room for nblocks + 4. */
PetscErrorCode NomosMapGetTensors(NomosMap m, const PetscScalar p[], PetscInt *n, NomosTensorOut out[], int64_t shapes[][NOMOS_MAX_RANK])
{
  const PetscReal *norm[4] = {m->norm_in, m->norm_in ? m->norm_in + m->channels_in : NULL, m->norm_out, m->norm_out ? m->norm_out + m->channels_out : NULL};

  PetscFunctionBegin;
  *n = 0;
  for (PetscInt b = 0; b < m->nblocks; b++, (*n)++) {
    for (PetscInt j = 0; j < m->blocks[b].rank; j++) shapes[*n][j] = m->blocks[b].shape[j];
    out[*n] = (NomosTensorOut){m->blocks[b].name, (int)m->blocks[b].rank, shapes[*n], p + m->blocks[b].start};
  }
  for (int k = 0; k < 4; k++) {
    if (!norm[k]) continue;
    shapes[*n][0] = k < 2 ? m->channels_in : m->channels_out;
    out[*n]       = (NomosTensorOut){NormNames[k], 1, shapes[*n], norm[k]};
    (*n)++;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
  NomosMapSave - writes a net with its parameters as a model

  Collective

  Input Parameters:
+ m    - the net, with parameters
- file - nomos-checkpoint/1, or safetensors when the name ends in .safetensors

  Errors: PETSC_ERR_FILE_OPEN, PETSC_ERR_FILE_WRITE; an older file of that name stays until the new one is complete

  Level: beginner
.seealso: `NomosMapLoad()`
@*/
PetscErrorCode NomosMapSave(NomosMap m, const char file[])
{
  MPI_Comm           comm = PetscObjectComm((PetscObject)m);
  NomosWhy           why  = {0, ""};
  PetscMPIInt        rank;
  NomosTensorOut    *out;
  int64_t          (*shapes)[NOMOS_MAX_RANK];
  const PetscScalar *p;
  PetscInt           n;
  char              *text;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(m, NOMOS_MAP_CLASSID, 1);
  PetscCheck(!strcmp(m->family, "net"), comm, PETSC_ERR_SUP, "a %s cannot be saved, only a net", m->family);
  PetscCheck(m->p, comm, PETSC_ERR_ORDER, "the net has no parameters to save; see NomosMapSetParameters()");
  PetscCall(NomosMapSetUp(m));
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  PetscCall(NomosMapGetModelOptions(m, &text));
  if (rank == 0) {
    PetscCall(PetscMalloc1(m->nblocks + 4, &out));
    PetscCall(PetscMalloc1(m->nblocks + 4, &shapes));
    PetscCall(VecGetArrayRead(m->p, &p));
    PetscCall(NomosMapGetTensors(m, p, &n, out, shapes));
    NomosWeightsWrite(file, text, 0, (int)n, out, &why);
    PetscCall(VecRestoreArrayRead(m->p, &p));
    PetscCall(PetscFree(shapes));
    PetscCall(PetscFree(out));
  }
  PetscCall(PetscFree(text));
  PetscCall(NomosWhyRaise(comm, &why));
  PetscFunctionReturn(PETSC_SUCCESS);
}
