/*
  nomos.h - the whole public interface of Nomos, in the order of the data path:

    samples --> NomosData --> net N(a; theta) --> constraint --> loss --> NomosProblem --> Tao

  Field layout everywhere: [sample][channel][z][y][x], row-major, real. Lists over axes (grid, length, modes) are in
  file order, slowest axis first. Fields and parameters are PETSc Vecs of PetscReal; a net computes in the precision
  that -net_precision names. Every function returns a PetscErrorCode.
*/
#ifndef NOMOS_H
#define NOMOS_H

#include <petsctao.h>

#define NOMOS_VERSION_MAJOR 0
#define NOMOS_VERSION_MINOR 1
#define NOMOS_VERSION_PATCH 0
#define NOMOS_VERSION_GE(major, minor, patch) \
  (NOMOS_VERSION_MAJOR > (major) || (NOMOS_VERSION_MAJOR == (major) && (NOMOS_VERSION_MINOR > (minor) || (NOMOS_VERSION_MINOR == (minor) && NOMOS_VERSION_PATCH >= (patch)))))

#define NOMOS_MAX_DIM 3 /* axes of a grid */

/* ---- package ---------------------------------------------------------------------------------------------- */
PETSC_EXTERN PetscErrorCode NomosInitializePackage(void); /* after PetscInitialize(); every Create calls it too    */
PETSC_EXTERN PetscErrorCode NomosFinalizePackage(void);
PETSC_EXTERN PetscErrorCode NomosGetVersion(char version[], size_t len);
PETSC_EXTERN PetscErrorCode NomosOptionsCheck(MPI_Comm, PetscInt *unused); /* names mistyped options of our families      */
PETSC_EXTERN PetscErrorCode NomosOptionsClaimAll(void); /* every option of this run is PETSc's or Nomos'                  */
PETSC_EXTERN PetscClassId   NOMOS_BACKEND_CLASSID, NOMOS_MAP_CLASSID, NOMOS_DATA_CLASSID, NOMOS_PROBLEM_CLASSID, NOMOS_SCHEDULE_CLASSID, NOMOS_TUNER_CLASSID;

/* ---- backend: where the numbers live and who computes ------------------------------------------------------- */
typedef struct _p_NomosBackend *NomosBackend;
typedef const char             *NomosBackendType;
#define NOMOSBACKENDAUTO "auto"
#define NOMOSBACKENDHOST "host"
#define NOMOSBACKENDCUDA "cuda"
typedef enum {
  NOMOS_SINGLE = 0,
  NOMOS_DOUBLE = 1
} NomosPrecision;
PETSC_EXTERN const char *const NomosPrecisions[]; /* "single", "double" */

PETSC_EXTERN PetscErrorCode NomosBackendCreate(MPI_Comm, NomosBackend *);
PETSC_EXTERN PetscErrorCode NomosBackendRegister(const char[], PetscErrorCode (*)(NomosBackend));
PETSC_EXTERN PetscErrorCode NomosBackendSetType(NomosBackend, NomosBackendType);
PETSC_EXTERN PetscErrorCode NomosBackendGetType(NomosBackend, NomosBackendType *);
PETSC_EXTERN PetscErrorCode NomosBackendSetFromOptions(NomosBackend); /* -nomos_backend, -nomos_deterministic      */
PETSC_EXTERN PetscErrorCode NomosBackendSetDeterministic(NomosBackend, PetscBool);
PETSC_EXTERN PetscErrorCode NomosBackendSetUp(NomosBackend);
PETSC_EXTERN PetscErrorCode NomosBackendView(NomosBackend, PetscViewer);
PETSC_EXTERN PetscErrorCode NomosBackendGetCounters(NomosBackend, PetscInt64 *allocations, PetscInt64 *bytes_up, PetscInt64 *bytes_down);
PETSC_EXTERN PetscErrorCode NomosBackendDestroy(NomosBackend *);

/* ---- data: samples in, predictions out ----------------------------------------------------------------------- */
typedef struct _p_NomosData *NomosData;
typedef struct {
  PetscInt  dim;                       /* 1, 2 or 3                                                               */
  PetscInt  n[NOMOS_MAX_DIM];          /* points per axis, slowest axis first                                     */
  PetscReal length[NOMOS_MAX_DIM];     /* box length per axis                                                     */
  PetscReal offset[NOMOS_MAX_DIM];     /* coordinate of the first point                                           */
  PetscBool periodic[NOMOS_MAX_DIM];
} NomosGrid;

PETSC_EXTERN PetscErrorCode NomosDataCreate(MPI_Comm, NomosData *);
PETSC_EXTERN PetscErrorCode NomosDataSetOptionsPrefix(NomosData, const char[]);
PETSC_EXTERN PetscErrorCode NomosDataSetFiles(NomosData, PetscInt, const char *const[]);    /* nomos-dataset/1      */
PETSC_EXTERN PetscErrorCode NomosDataSetFields(NomosData, PetscInt, const char *const[], PetscInt, const char *const[]);
PETSC_EXTERN PetscErrorCode NomosDataSetRange(NomosData, PetscInt first, PetscInt samples); /* PETSC_DETERMINE: all */
PETSC_EXTERN PetscErrorCode NomosDataSetTime(NomosData, PetscBool all);        /* an output's time axis: last, or all  */
PETSC_EXTERN PetscErrorCode NomosDataSetCache(NomosData, PetscInt64 bytes);    /* kept in memory up to this size       */
PETSC_EXTERN PetscErrorCode NomosDataSetAllowNaN(NomosData, PetscBool);
PETSC_EXTERN PetscErrorCode NomosDataSetFromOptions(NomosData); /* -data -data_input -data_output -data_first …        */
PETSC_EXTERN PetscErrorCode NomosDataSetUp(NomosData);
PETSC_EXTERN PetscErrorCode NomosDataGetGrid(NomosData, NomosGrid *);
PETSC_EXTERN PetscErrorCode NomosDataGetChannels(NomosData, PetscInt *in, PetscInt *out);
PETSC_EXTERN PetscErrorCode NomosDataGetSize(NomosData, PetscInt *samples);
PETSC_EXTERN PetscErrorCode NomosDataGetSamples(NomosData, PetscInt n, const PetscInt idx[], PetscScalar x[], PetscScalar y[]); /* not collective */
PETSC_EXTERN PetscErrorCode NomosDataGetStatistics(NomosData, PetscInt n, const PetscInt idx[], PetscReal mean_in[], PetscReal std_in[], PetscReal mean_out[], PetscReal std_out[]);
PETSC_EXTERN PetscErrorCode NomosDataGetSplit(NomosData, const char name[], PetscInt *n, const PetscInt *idx[]);
PETSC_EXTERN PetscErrorCode NomosDataGetFileName(NomosData, const char *[]);
PETSC_EXTERN PetscErrorCode NomosDataView(NomosData, PetscViewer);
PETSC_EXTERN PetscErrorCode NomosDataDestroy(NomosData *);
/* making a data set (or a prediction): header first, then samples in any order, then close (verify and rename) */
PETSC_EXTERN PetscErrorCode NomosDataWriteBegin(NomosData, const char file[], const char problem[], const NomosGrid *, PetscInt samples, PetscInt nin, const char *const in_names[], const PetscInt in_channels[], PetscInt nout, const char *const out_names[], const PetscInt out_channels[], NomosPrecision);
PETSC_EXTERN PetscErrorCode NomosDataWriteSetAttribute(NomosData, const char name[], const char value[]);
PETSC_EXTERN PetscErrorCode NomosDataWriteSamples(NomosData, PetscInt first, PetscInt n, const PetscScalar x[], const PetscScalar y[]); /* collective */
PETSC_EXTERN PetscErrorCode NomosDataWriteEnd(NomosData);

/* what a file is and whether it is sound: 0, or 1 if refused; neither PETSc nor MPI is called, so a child process can do it */
PETSC_EXTERN int NomosCheckFileHere(const char path[], char sentence[], size_t len);               /* one sentence        */
PETSC_EXTERN int NomosFileInspect(const char path[], int allow_nan, char text[], size_t len);      /* with what it holds  */
/* single arrays of an HDF5 file, for comparisons with stored values; rank 0 reads, all get it */
PETSC_EXTERN PetscErrorCode NomosFileGetArray(MPI_Comm, const char file[], const char path[], PetscInt *rank, PetscInt shape[], PetscInt *count, PetscReal *values[]);
PETSC_EXTERN PetscErrorCode NomosFileGetString(MPI_Comm, const char file[], const char object[], const char attribute[], char value[], size_t len, PetscBool *found);
PETSC_EXTERN PetscErrorCode NomosFileListGroup(MPI_Comm, const char file[], const char group[], PetscInt *n, char *names[]);

/* pictures (PNG) without X; one rank calls, the others do not */
typedef struct { /* one line of a plot; a NaN or infinite number is a gap */
  const char      *name; /* for the legend; NULL or "": no entry */
  PetscInt         n;    /* points */
  const PetscReal *x;    /* n numbers, or NULL for 0, 1, 2, ... */
  const PetscReal *y;    /* n numbers */
} NomosCurve;
typedef enum {
  NOMOS_COLOURS_SEQUENTIAL,
  NOMOS_COLOURS_DIVERGING
} NomosColours;
typedef struct { /* one field in a grid of pictures; with curves, or ny = 1, a line plot; with neither values nor curves an empty place */
  const char       *title;
  PetscInt          nx, ny; /* cells along x and y */
  const PetscReal  *values; /* [ny][nx], row-major, y upwards; NaN or infinite: grey */
  PetscReal         lx, ly; /* physical lengths, they give the shape; 0: as many units as cells */
  PetscBool         ranged; /* PETSC_TRUE: use lo and hi (shared with other panels); PETSC_FALSE: own minimum and maximum */
  PetscReal         lo, hi;
  NomosColours      colours; /* diverging: without a range it is symmetric about 0 */
  PetscInt          ncurves;
  const NomosCurve *curves;
} NomosPanel;
PETSC_EXTERN PetscErrorCode NomosPictureCurves(const char file[], const char title[], const char xlabel[], const char ylabel[], PetscBool logy, PetscInt ncurves, const NomosCurve curves[]);
PETSC_EXTERN PetscErrorCode NomosPictureFields(const char file[], const char title[], PetscInt nrows, PetscInt ncols, const NomosPanel panels[]);
PETSC_EXTERN PetscErrorCode NomosDataWriteXdmf(MPI_Comm, const char file[]); /* FILE.xdmf beside a finished data set, for ParaView */

/* ---- map: y = F(x; p), the one contract of pde, net, constraint and loss --------------------------------------- */
typedef struct _p_NomosMap *NomosMap;
typedef const char         *NomosMapType;
#define NOMOSFNO     "fno"
#define NOMOSDARCY   "darcy"
#define NOMOSBURGERS "burgers"
#define NOMOSSOBOLEV "sobolev"
#define NOMOSH1FD    "h1fd"
#define NOMOSCHAIN   "chain"

typedef struct { /* one tensor inside the parameter vector */
  const char *name;     /* key of the peers' state_dict, for example fno_blocks.convs.0.weight.tensor              */
  PetscInt    start;    /* first entry in the parameter vector                                                     */
  PetscInt    size;     /* real entries                                                                            */
  PetscInt    rank;     /* axes of shape                                                                           */
  PetscInt    shape[8]; /* natural shape; a complex tensor has the trailing axis 2 (re, im)                        */
  PetscBool   is_complex;
  PetscReal   lr_mult, wd_mult; /* multipliers of learning rate and weight decay, 1 by default                     */
  PetscBool   frozen;
} NomosBlock;

PETSC_EXTERN PetscErrorCode NomosMapCreate(MPI_Comm, const char family[], NomosMap *); /* "pde" "net" "constraint" "loss" "chain" */
PETSC_EXTERN PetscErrorCode NomosMapRegister(const char family[], const char type[], PetscErrorCode (*)(NomosMap));
PETSC_EXTERN PetscErrorCode NomosMapSetType(NomosMap, NomosMapType);
PETSC_EXTERN PetscErrorCode NomosMapGetType(NomosMap, NomosMapType *);
PETSC_EXTERN PetscErrorCode NomosMapGetFamily(NomosMap, const char *[]);
PETSC_EXTERN PetscErrorCode NomosMapSetOptionsPrefix(NomosMap, const char[]);
PETSC_EXTERN PetscErrorCode NomosMapSetBackend(NomosMap, NomosBackend);
PETSC_EXTERN PetscErrorCode NomosMapGetBackend(NomosMap, NomosBackend *);
PETSC_EXTERN PetscErrorCode NomosMapSetPrecision(NomosMap, NomosPrecision);
PETSC_EXTERN PetscErrorCode NomosMapGetPrecision(NomosMap, NomosPrecision *);
PETSC_EXTERN PetscErrorCode NomosMapSetGrid(NomosMap, const NomosGrid *);       /* may be called again: rebuilt at SetUp */
PETSC_EXTERN PetscErrorCode NomosMapSetOutputGrid(NomosMap, const NomosGrid *); /* default: the input grid              */
PETSC_EXTERN PetscErrorCode NomosMapGetGrid(NomosMap, NomosGrid *in, NomosGrid *out);
PETSC_EXTERN PetscErrorCode NomosMapSetChannels(NomosMap, PetscInt in, PetscInt out);
PETSC_EXTERN PetscErrorCode NomosMapGetChannels(NomosMap, PetscInt *in, PetscInt *out);
PETSC_EXTERN PetscErrorCode NomosMapSetBatch(NomosMap, PetscInt samples);       /* samples per call of a verb            */
PETSC_EXTERN PetscErrorCode NomosMapGetBatch(NomosMap, PetscInt *samples);
PETSC_EXTERN PetscErrorCode NomosMapSetNormalizer(NomosMap, PetscInt cin, const PetscReal mean_in[], const PetscReal std_in[], PetscInt cout, const PetscReal mean_out[], const PetscReal std_out[]);
PETSC_EXTERN PetscErrorCode NomosMapGetNormalizer(NomosMap, const PetscReal *mean_in[], const PetscReal *std_in[], const PetscReal *mean_out[], const PetscReal *std_out[]); /* NULL where there is none */
PETSC_EXTERN PetscErrorCode NomosMapSetFromOptions(NomosMap);
PETSC_EXTERN PetscErrorCode NomosMapSetUp(NomosMap);
PETSC_EXTERN PetscErrorCode NomosMapGetSizes(NomosMap, PetscInt *nx, PetscInt *np, PetscInt *ny); /* lengths of x, p, y for the batch */
PETSC_EXTERN PetscErrorCode NomosMapCreateVecs(NomosMap, Vec *x, Vec *p, Vec *y);                 /* any may be NULL      */
PETSC_EXTERN PetscErrorCode NomosMapInitializeParameters(NomosMap, PetscInt64 seed, Vec p);       /* same on any ranks    */
PETSC_EXTERN PetscErrorCode NomosMapSetParameters(NomosMap, Vec p); /* used where a verb gets p = NULL                    */
PETSC_EXTERN PetscErrorCode NomosMapGetParameters(NomosMap, Vec *p);
PETSC_EXTERN PetscErrorCode NomosMapGetNumBlocks(NomosMap, PetscInt *);
PETSC_EXTERN PetscErrorCode NomosMapGetBlock(NomosMap, PetscInt i, NomosBlock *);
PETSC_EXTERN PetscErrorCode NomosMapGetSegments(NomosMap, PetscInt *segments, PetscInt *size); /* of a loss: y = [segments][size]    */
PETSC_EXTERN PetscErrorCode NomosMapSetField(NomosMap, const char slot[], Vec);                /* what is given, not learned        */
PETSC_EXTERN PetscErrorCode NomosMapGetField(NomosMap, const char slot[], Vec *);
PETSC_EXTERN PetscErrorCode NomosMapGetFieldAdjoint(NomosMap, const char slot[], Vec *);       /* after ApplyAdjoint                */
PETSC_EXTERN PetscErrorCode NomosMapAddFieldTangent(NomosMap, const char slot[], Vec da, Vec dy); /* dy += F_a da, after Linearize */
/* the four verbs; x, p, y are sequential, the verbs talk to no other rank */
PETSC_EXTERN PetscErrorCode NomosMapApply(NomosMap, Vec x, Vec p, Vec y);
PETSC_EXTERN PetscErrorCode NomosMapLinearize(NomosMap, Vec x, Vec p, Vec y);
PETSC_EXTERN PetscErrorCode NomosMapApplyTangent(NomosMap, Vec dx, Vec dp, Vec dy);
PETSC_EXTERN PetscErrorCode NomosMapApplyAdjoint(NomosMap, Vec dy, Vec dx, Vec dp);
/* ApplyAdjoint in pieces, for a batch that passes in chunks: Begin, (Linearize, Add) for each chunk, End */
PETSC_EXTERN PetscErrorCode NomosMapAdjointBegin(NomosMap);
PETSC_EXTERN PetscErrorCode NomosMapAdjointAdd(NomosMap, Vec dy, Vec dx);
PETSC_EXTERN PetscErrorCode NomosMapAdjointEnd(NomosMap, Vec dp);
PETSC_EXTERN PetscErrorCode NomosMapCreateJacobian(NomosMap, const char wrt[], Mat *); /* "x" or "p"                 */
PETSC_EXTERN PetscErrorCode NomosMapCheck(NomosMap, Vec x, Vec p, PetscReal *adjoint_error, PetscReal *taylor_slope);
PETSC_EXTERN PetscErrorCode NomosMapSetCheck(NomosMap, PetscBool); /* at the first point: -map_check */
PETSC_EXTERN PetscErrorCode NomosMapSample(NomosMap, PetscInt64 seed, PetscInt64 index, Vec a, Vec u); /* a pde's data generator */
PETSC_EXTERN PetscErrorCode NomosMapView(NomosMap, PetscViewer);
PETSC_EXTERN PetscErrorCode NomosMapViewFromOptions(NomosMap, PetscObject, const char[]);
PETSC_EXTERN PetscErrorCode NomosMapDestroy(NomosMap *);
/* composition */
PETSC_EXTERN PetscErrorCode NomosMapChainAdd(NomosMap chain, NomosMap);
/* settings of the Fourier neural operator */
PETSC_EXTERN PetscErrorCode NomosMapFNOSetModes(NomosMap, PetscInt dim, const PetscInt modes[]);
PETSC_EXTERN PetscErrorCode NomosMapFNOSetWidth(NomosMap, PetscInt);
PETSC_EXTERN PetscErrorCode NomosMapFNOSetLayers(NomosMap, PetscInt);
/* settings of the losses */
PETSC_EXTERN PetscErrorCode NomosMapSobolevSetOrder(NomosMap, PetscReal s, PetscReal alpha);
PETSC_EXTERN PetscErrorCode NomosMapLossSetRelative(NomosMap, PetscBool);
/* settings of the equations */
PETSC_EXTERN PetscErrorCode NomosMapDarcySetCoefficient(NomosMap, const char[]); /* "binary", "lognormal"             */
PETSC_EXTERN PetscErrorCode NomosMapDarcySetHarmonic(NomosMap, PetscBool);
PETSC_EXTERN PetscErrorCode NomosMapDarcySetFine(NomosMap, PetscInt);
PETSC_EXTERN PetscErrorCode NomosMapBurgersSetViscosity(NomosMap, PetscReal);
PETSC_EXTERN PetscErrorCode NomosMapBurgersSetTime(NomosMap, PetscReal);
PETSC_EXTERN PetscErrorCode NomosMapBurgersSetRandomField(NomosMap, const char[]); /* "paper", "public"                */
PETSC_EXTERN PetscErrorCode NomosMapBurgersSetFine(NomosMap, PetscInt);
/* a trained model in someone's code */
PETSC_EXTERN PetscErrorCode NomosMapLoad(MPI_Comm, const char file[], NomosMap *); /* nomos-checkpoint/1, or safetensors with options */
PETSC_EXTERN PetscErrorCode NomosMapSave(NomosMap, const char file[]);
PETSC_EXTERN PetscErrorCode NomosMapGetOptions(NomosMap, char *[]); /* option list that rebuilds the map; PetscFree()    */
PETSC_EXTERN PetscErrorCode NomosMapApplyDM(NomosMap, DM da, Vec a, Vec u);

/* ---- problem: a chain and losses, given to Tao as f, gradient and Gauss-Newton Hessian ------------------------- */
typedef struct _p_NomosProblem *NomosProblem;
typedef enum {
  NOMOS_REDUCTION_NORM    = 0, /* f = (1/B) sum_g |y_g|       */
  NOMOS_REDUCTION_SQUARED = 1  /* f = (1/2B) sum_g |y_g|^2    */
} NomosReduction;
PETSC_EXTERN const char *const NomosReductions[];
typedef enum {
  NOMOS_SYMMETRY_NONE,
  NOMOS_SYMMETRY_TRANSPOSE,
  NOMOS_SYMMETRY_SQUARE,     /* nodes on both edges                */
  NOMOS_SYMMETRY_SQUARE_OPEN /* no node on the last edges          */
} NomosSymmetry;
PETSC_EXTERN const char *const NomosSymmetries[];

PETSC_EXTERN PetscErrorCode NomosProblemCreate(MPI_Comm, NomosProblem *);
PETSC_EXTERN PetscErrorCode NomosProblemSetOptionsPrefix(NomosProblem, const char[]);
PETSC_EXTERN PetscErrorCode NomosProblemSetMap(NomosProblem, NomosMap);
PETSC_EXTERN PetscErrorCode NomosProblemGetMap(NomosProblem, NomosMap *);
PETSC_EXTERN PetscErrorCode NomosProblemAddLoss(NomosProblem, NomosMap loss, PetscReal weight);
PETSC_EXTERN PetscErrorCode NomosProblemSetReduction(NomosProblem, NomosReduction);
PETSC_EXTERN PetscErrorCode NomosProblemSetUnits(NomosProblem, PetscBool physical);  /* default: normalised     */
PETSC_EXTERN PetscErrorCode NomosProblemSetNormalize(NomosProblem, PetscBool input, PetscBool output);
PETSC_EXTERN PetscErrorCode NomosProblemSetSchedule(NomosProblem, PetscInt batch, PetscInt epochs);
PETSC_EXTERN PetscErrorCode NomosProblemSetChunk(NomosProblem, PetscInt samples);    /* 0: chosen                */
PETSC_EXTERN PetscErrorCode NomosProblemSetSharedMemory(NomosProblem, PetscBool); /* between ranks of a node */
PETSC_EXTERN PetscErrorCode NomosProblemSetSeed(NomosProblem, PetscInt64);
PETSC_EXTERN PetscErrorCode NomosProblemSetKeepBest(NomosProblem, PetscBool);
PETSC_EXTERN PetscErrorCode NomosProblemSetSymmetry(NomosProblem, NomosSymmetry);    /* training samples turned  */
PETSC_EXTERN PetscErrorCode NomosProblemSetHistory(NomosProblem, const char file[]); /* .csv or .jsonl           */
PETSC_EXTERN PetscErrorCode NomosProblemSetCheckpoint(NomosProblem, const char folder[], PetscInt interval, PetscInt keep);
PETSC_EXTERN PetscErrorCode NomosProblemSetRestart(NomosProblem, const char from[]); /* folder, file or auto      */
PETSC_EXTERN PetscErrorCode NomosProblemSetLimits(NomosProblem, PetscReal seconds, PetscInt signals);
PETSC_EXTERN PetscErrorCode NomosProblemSetData(NomosProblem, NomosData);
PETSC_EXTERN PetscErrorCode NomosProblemAddTestData(NomosProblem, NomosData);
PETSC_EXTERN PetscErrorCode NomosProblemSetDM(NomosProblem, DM);
PETSC_EXTERN PetscErrorCode NomosProblemSetFromOptions(NomosProblem);
PETSC_EXTERN PetscErrorCode NomosProblemSetUp(NomosProblem);
PETSC_EXTERN PetscErrorCode NomosProblemGetParameters(NomosProblem, Vec *); /* sharded over the problem's communicator   */
PETSC_EXTERN PetscErrorCode NomosProblemSetSamples(NomosProblem, PetscInt n, const PetscInt idx[]); /* the batch; NULL: all */
PETSC_EXTERN PetscErrorCode NomosProblemObjectiveGradient(NomosProblem, Vec theta, PetscReal *f, Vec g); /* g may be NULL   */
PETSC_EXTERN PetscErrorCode NomosProblemHessianProduct(NomosProblem, Vec theta, Vec v, Vec Hv);         /* Gauss-Newton    */
PETSC_EXTERN PetscErrorCode NomosProblemSetTao(NomosProblem, Tao); /* then TaoSetFromOptions() */
PETSC_EXTERN PetscErrorCode NomosProblemTrain(NomosProblem, Tao);  /* restart where asked for, TaoSolve(), last checkpoint, best */
typedef struct { /* what a run did */
  PetscInt    steps, epochs, best_step;
  PetscInt64  seed;
  PetscReal   f, seconds, step_ms, best_error; /* f of the last step; median step without tests and checkpoints */
  const char *stopped;                         /* NULL, "signal" or "wall time"                                 */
} NomosTrainingSummary;
PETSC_EXTERN PetscErrorCode NomosProblemGetSummary(NomosProblem, NomosTrainingSummary *);
typedef struct { /* means over samples of |p-y|/|y| in physical units */
  PetscReal rel_l2, rel_h1, rel_hm1, rel_h1fd;
} NomosErrors;
PETSC_EXTERN PetscErrorCode NomosProblemComputeErrors(NomosProblem, NomosData, NomosErrors *mean, NomosErrors per_sample[]);
PETSC_EXTERN PetscErrorCode NomosProblemPredict(NomosProblem, NomosData, const char file[]);
PETSC_EXTERN PetscErrorCode NomosProblemSave(NomosProblem, const char file[]);
PETSC_EXTERN PetscErrorCode NomosProblemLoad(NomosProblem, const char file[]);
PETSC_EXTERN PetscErrorCode NomosProblemView(NomosProblem, PetscViewer);
PETSC_EXTERN PetscErrorCode NomosProblemDestroy(NomosProblem *);

/* ---- optimizers: what every Tao user may give to our types ------------------------------------------------------- */
#define TAOADAMW "adamw"
typedef struct _p_NomosSchedule *NomosSchedule;
PETSC_EXTERN PetscErrorCode NomosScheduleCreate(MPI_Comm, NomosSchedule *);
PETSC_EXTERN PetscErrorCode NomosScheduleSetType(NomosSchedule, const char[]); /* linear constant cosine step onecycle poly sqrt exp list file */
PETSC_EXTERN PetscErrorCode NomosScheduleSetLength(NomosSchedule, PetscInt);        /* T, in units; PETSC_DETERMINE: the run's        */
PETSC_EXTERN PetscErrorCode NomosScheduleSetUnit(NomosSchedule, PetscInt steps);    /* steps per unit; PETSC_DETERMINE: an epoch's    */
PETSC_EXTERN PetscErrorCode NomosScheduleSetBase(NomosSchedule, PetscReal lr, PetscReal beta1);
PETSC_EXTERN PetscErrorCode NomosScheduleSetWarmup(NomosSchedule, PetscInt);
PETSC_EXTERN PetscErrorCode NomosScheduleSetDecay(NomosSchedule, PetscInt step, PetscReal gamma);
PETSC_EXTERN PetscErrorCode NomosScheduleSetFinal(NomosSchedule, PetscReal final, PetscReal power);
PETSC_EXTERN PetscErrorCode NomosScheduleSetOneCycle(NomosSchedule, PetscReal pct_start, PetscReal div, PetscReal final_div, PetscReal beta1_min, PetscReal beta1_max);
PETSC_EXTERN PetscErrorCode NomosScheduleSetList(NomosSchedule, PetscInt, const PetscReal[]);
PETSC_EXTERN PetscErrorCode NomosScheduleSetFile(NomosSchedule, const char[]);
PETSC_EXTERN PetscErrorCode NomosScheduleSetOptionsPrefix(NomosSchedule, const char[]);
PETSC_EXTERN PetscErrorCode NomosScheduleSetFromOptions(NomosSchedule); /* -tao_schedule_...                               */
PETSC_EXTERN PetscErrorCode NomosScheduleGet(NomosSchedule, PetscInt step, PetscReal *lr, PetscReal *beta1); /* pure function of step */
PETSC_EXTERN PetscErrorCode NomosScheduleView(NomosSchedule, PetscViewer);
PETSC_EXTERN PetscErrorCode NomosScheduleDestroy(NomosSchedule *);

PETSC_EXTERN PetscErrorCode NomosTaoSetBlocks(Tao, PetscInt n, const NomosBlock[]); /* tile the global vector             */
/* begin() is told which samples step `step` uses, before anything is evaluated */
PETSC_EXTERN PetscErrorCode NomosTaoSetBatch(Tao, PetscInt samples, PetscInt batch, PetscErrorCode (*begin)(Tao, PetscInt step, PetscInt n, const PetscInt idx[], void *ctx), void *ctx);
PETSC_EXTERN PetscErrorCode NomosTaoSetBatchOrder(Tao, const char order[], PetscInt64 seed); /* shuffle sequential replace */
PETSC_EXTERN PetscErrorCode NomosTaoGetBatch(Tao, PetscInt step, PetscInt *n, const PetscInt *idx[]); /* of any step       */
PETSC_EXTERN PetscErrorCode NomosTaoGetStepsPerEpoch(Tao, PetscInt *);
PETSC_EXTERN PetscErrorCode NomosTaoGetSchedule(Tao, NomosSchedule *);
PETSC_EXTERN PetscErrorCode NomosTaoSetClip(Tao, PetscReal);
PETSC_EXTERN PetscErrorCode NomosTaoSetNanPolicy(Tao, const char[]);                /* stop skip error                    */
PETSC_EXTERN PetscErrorCode NomosTaoSetConvergence(Tao, const char[], PetscReal beta, PetscReal tol); /* auto deterministic stochastic none */
/* the state that a restart needs: named vectors laid out as the solution, numbers, and the step that comes next */
PETSC_EXTERN PetscErrorCode NomosTaoGetState(Tao, PetscInt *n, const char *const *names[], Vec *vecs[], PetscInt *step);
PETSC_EXTERN PetscErrorCode NomosTaoGetStateScalars(Tao, PetscInt *n, PetscReal *values[]);
PETSC_EXTERN PetscErrorCode NomosTaoSetStep(Tao, PetscInt step);                    /* the next TaoSolve() goes on there  */
PETSC_EXTERN PetscErrorCode NomosTaoSave(Tao, const char file[]);                   /* solution and state: all of that    */
PETSC_EXTERN PetscErrorCode NomosTaoLoad(Tao, const char file[]);
/* settings of adamw */
PETSC_EXTERN PetscErrorCode NomosTaoAdamWSetRates(Tao, PetscReal lr, PetscReal beta1, PetscReal beta2, PetscReal eps);
PETSC_EXTERN PetscErrorCode NomosTaoAdamWSetDecay(Tao, PetscReal wd, PetscReal l2);
PETSC_EXTERN PetscErrorCode NomosTaoAdamWSetForm(Tao, const char pairs[], const char form[]);

/* sketchnewton: min f(x) with c(x) = 0; f, c, the Jacobian and the Hessian of f + l'c by PETSc's own calls (docs/sketchnewton.md) */
#define TAOSKETCHNEWTON "sketchnewton"
PETSC_EXTERN PetscErrorCode NomosTaoSketchNewtonSetPreset(Tao, const char name[]); /* default, paper                     */
PETSC_EXTERN PetscErrorCode NomosTaoSketchNewtonSetPenalties(Tao, PetscReal eta1, PetscReal eta2, PetscReal nu, const char update[]);
PETSC_EXTERN PetscErrorCode NomosTaoSketchNewtonSetAccuracy(Tao, const char accuracy[], PetscReal delta, const char theta[], PetscReal rtol_min, PetscReal rtol_max);
PETSC_EXTERN PetscErrorCode NomosTaoSketchNewtonSetRegularization(Tao, const char name[], PetscReal gamma0, PetscReal xi_b, PetscReal xi_g);
PETSC_EXTERN PetscErrorCode NomosTaoSketchNewtonSetShifts(Tao, PetscReal t0, PetscReal gamma_first); /* of the first step  */
PETSC_EXTERN PetscErrorCode NomosTaoSketchNewtonSetSteps(Tao, PetscReal beta, PetscInt backtracks, PetscInt retries, PetscInt slow);
PETSC_EXTERN PetscErrorCode NomosTaoSketchNewtonSetMultiplierInit(Tao, const char name[]); /* ls, zero, user             */
PETSC_EXTERN PetscErrorCode NomosTaoSketchNewtonSetHessianType(Tao, const char name[], PetscBool check); /* user, mffd    */
PETSC_EXTERN PetscErrorCode NomosTaoSketchNewtonSetKKTType(Tao, const char name[]); /* shell, nest, aij                  */
PETSC_EXTERN PetscErrorCode NomosTaoSketchNewtonSetSeed(Tao, PetscInt);
PETSC_EXTERN PetscErrorCode NomosTaoSketchNewtonSetMultipliers(Tao, Vec l);  /* to begin with                             */
PETSC_EXTERN PetscErrorCode NomosTaoSketchNewtonGetMultipliers(Tao, Vec *l);
PETSC_EXTERN PetscErrorCode NomosTaoSketchNewtonGetPenalties(Tao, PetscReal *eta1, PetscReal *eta2);
PETSC_EXTERN PetscErrorCode NomosTaoSketchNewtonGetKKT(Tao, Mat *K, IS *primal, IS *dual);
PETSC_EXTERN PetscErrorCode NomosTaoSketchNewtonSetSchurPre(Tao, Mat S);     /* an approximation of G H^-1 G'             */
PETSC_EXTERN PetscErrorCode NomosTaoSketchNewtonGetStatus(Tao, const char *status[]); /* converged, infeasible, ...       */
PETSC_EXTERN PetscErrorCode NomosTaoSketchNewtonGetCounts(Tao, PetscInt64 *evaluations, PetscInt64 *products, PetscInt64 *solves, PetscInt64 *rejected);
PETSC_EXTERN PetscErrorCode NomosTaoSketchNewtonGetStep(Tao, Vec *z, PetscReal *slope, PetscReal *t, PetscReal *gamma);

/* ---- preconditioners, partitioners ----------------------------------------------------------------------------------- */
#define PCNOMOSSOR "nomossor" /* (S)SOR in any order, across ranks, Eisenstat's form */
#define PETSCPARTITIONERMETIS "metis" /* METIS on the gathered graph */
PETSC_EXTERN PetscErrorCode NomosPCSORSetOmega(PC, PetscReal);               /* in (0,2); sets nothing up again           */
PETSC_EXTERN PetscErrorCode NomosPCSORGetOmega(PC, PetscReal *);
PETSC_EXTERN PetscErrorCode NomosPCSORSetSweep(PC, const char[]);            /* symmetric, forward, backward              */
PETSC_EXTERN PetscErrorCode NomosPCSORSetIterations(PC, PetscInt);
PETSC_EXTERN PetscErrorCode NomosPCSORSetDiagonalShift(PC, PetscReal);
PETSC_EXTERN PetscErrorCode NomosPCSORSetOrdering(PC, const char[]);         /* natural, levels, multicolor, blockmulticolor */
PETSC_EXTERN PetscErrorCode NomosPCSORSetBlockSize(PC, PetscInt);
PETSC_EXTERN PetscErrorCode NomosPCSORSetScope(PC, const char[]);            /* local, global                             */
PETSC_EXTERN PetscErrorCode NomosPCSORSetEisenstat(PC, PetscBool);
PETSC_EXTERN PetscErrorCode NomosPCSORSetBackend(PC, const char[]);          /* auto, host, color, jacobi                 */
PETSC_EXTERN PetscErrorCode NomosPCSORSetJacobiSweeps(PC, PetscInt);
PETSC_EXTERN PetscErrorCode NomosPCSORSetColoring(PC, PetscInt, const PetscInt[]);
PETSC_EXTERN PetscErrorCode NomosPCSORGetColoring(PC, PetscInt *, const PetscInt *[], PetscInt64 *hash);
PETSC_EXTERN PetscErrorCode NomosPCSORTrueResidual(PC, Vec, Vec);            /* in Eisenstat's form                       */
#define PCKKTSKETCH "kktsketch" /* block elimination on KKT matrices [B G'; G -C] */
PETSC_EXTERN PetscErrorCode NomosPCKKTSketchSetForm(PC, const char[]);       /* constraint, diagonal                      */
PETSC_EXTERN PetscErrorCode NomosPCKKTSketchSetHessian(PC, const char[]);    /* auto, diag, nystrom, pc                   */
PETSC_EXTERN PetscErrorCode NomosPCKKTSketchSetSchur(PC, const char[]);      /* auto, sketchqr, selfp, user, lsqr         */
PETSC_EXTERN PetscErrorCode NomosPCKKTSketchSetRank(PC, PetscInt);
PETSC_EXTERN PetscErrorCode NomosPCKKTSketchSetSketch(PC, PetscReal factor, PetscInt nnz);
PETSC_EXTERN PetscErrorCode NomosPCKKTSketchSetLag(PC, PetscInt);
PETSC_EXTERN PetscErrorCode NomosPCKKTSketchSetSeed(PC, PetscInt64);
PETSC_EXTERN PetscErrorCode NomosPCKKTSketchSetIS(PC, IS primal, IS dual);   /* fields of an assembled matrix             */
PETSC_EXTERN PetscErrorCode NomosPCKKTSketchSetSchurMat(PC, Mat);            /* for schur user                            */
PETSC_EXTERN PetscErrorCode NomosPCKKTSketchGetCounts(PC, PetscInt64 *products, PetscInt64 *rebuilds);
PETSC_EXTERN PetscErrorCode NomosPCKKTSketchGetPivots(PC, PetscReal *ratio, PetscInt *replaced);

/* ---- sketchproject: projections on sketched subspaces ---------------------------------------------------------------- */
#define KSPSKETCHPROJECT "sketchproject"
PETSC_EXTERN PetscErrorCode NomosKSPSketchProjectSetType(KSP, const char[]); /* krylov gaussian sparsesign countsketch rows blockrows */
PETSC_EXTERN PetscErrorCode NomosKSPSketchProjectSetNorm(KSP, const char[]); /* residual, error                           */
PETSC_EXTERN PetscErrorCode NomosKSPSketchProjectSetProb(KSP, const char[]); /* uniform, rownorm                          */
PETSC_EXTERN PetscErrorCode NomosKSPSketchProjectSetBlock(KSP, PetscInt b, PetscInt q);
PETSC_EXTERN PetscErrorCode NomosKSPSketchProjectSetSketch(KSP, PetscReal factor, PetscInt nnz);
PETSC_EXTERN PetscErrorCode NomosKSPSketchProjectSetMomentum(KSP, PetscReal);
PETSC_EXTERN PetscErrorCode NomosKSPSketchProjectSetResync(KSP, PetscInt);
PETSC_EXTERN PetscErrorCode NomosKSPSketchProjectSetSeed(KSP, PetscInt64);
PETSC_EXTERN PetscErrorCode NomosKSPSketchProjectGetApplies(KSP, PetscInt64 *); /* products of the last solve              */

/* ---- tuner: chooses settings by what they cost, round after round ------------------------------------------------- */
typedef struct _p_NomosTuner *NomosTuner;
#define NOMOSTUNERAUTO        "auto" /* gp with a context, tsallis without */
#define NOMOSTUNERTSALLIS     "tsallis"
#define NOMOSTUNERTSALLISBINS "tsallisbins"
#define NOMOSTUNERCHEBCB      "chebcb"
#define NOMOSTUNERGP          "gp"
#define NOMOSTUNERYOUNG       "young"
#define NOMOSTUNERFIXED       "fixed"
#define NOMOSTUNERUNIFORM     "uniform"
#define NOMOSTUNERSWEEP       "sweep"
typedef enum {
  NOMOS_SCALE_LINEAR  = 0,
  NOMOS_SCALE_LOG     = 1,
  NOMOS_SCALE_INTEGER = 2
} NomosScale;
PETSC_EXTERN const char *const NomosScales[]; /* "lin", "log", "int" */
typedef enum {
  NOMOS_LOAD_STRICT = 0, /* the state of another tuner is an error */
  NOMOS_LOAD_IGNORE = 1, /* it is passed over                      */
  NOMOS_LOAD_ARMS   = 2  /* what is known of equal arms is kept    */
} NomosLoadMode;
PETSC_EXTERN const char *const NomosLoadModes[];
typedef struct {
  PetscInt64 rounds, failures, cancelled; /* reported rounds, those that failed, Select without Report     */
  PetscInt64 baseline, held_back;         /* rounds with the baseline; those where the budget forced it     */
  PetscInt64 clamped, missing, banned;    /* contexts outside the range, not finite; bans spoken           */
  PetscInt64 baseline_rounds;             /* rounds for which the baseline's cost is known or estimated     */
  PetscReal  spent, baseline_cost;        /* cost of all rounds; of the baseline, actual or estimated       */
  PetscReal  seconds;                     /* spent in Select and Report                                    */
} NomosTunerStatistics;

PETSC_EXTERN PetscErrorCode NomosTunerCreate(MPI_Comm, NomosTuner *);
PETSC_EXTERN PetscErrorCode NomosTunerRegister(const char[], PetscErrorCode (*)(NomosTuner)); /* a learner                  */
PETSC_EXTERN PetscErrorCode NomosTunerAddNumericParameter(NomosTuner, const char name[], PetscReal lo, PetscReal hi, PetscInt n, NomosScale);
PETSC_EXTERN PetscErrorCode NomosTunerAddCategoricalParameter(NomosTuner, const char name[], PetscInt n, const char *const labels[]);
PETSC_EXTERN PetscErrorCode NomosTunerAddParameter(NomosTuner, const char text[]); /* "name:lin:lo:hi:n", "name:set:a,b,c"   */
PETSC_EXTERN PetscErrorCode NomosTunerGetParameters(NomosTuner, PetscInt *n, PetscInt *arms);
PETSC_EXTERN PetscErrorCode NomosTunerGetParameter(NomosTuner, PetscInt, const char *name[], PetscInt *n, const char *const *labels[]);
PETSC_EXTERN PetscErrorCode NomosTunerGetArm(NomosTuner, PetscInt arm, PetscReal values[]);
PETSC_EXTERN PetscErrorCode NomosTunerFindArm(NomosTuner, const PetscReal values[], PetscInt *arm); /* the nearest           */
PETSC_EXTERN PetscErrorCode NomosTunerAddContext(NomosTuner, const char name[], PetscReal lo, PetscReal hi, PetscBool adaptive);
PETSC_EXTERN PetscErrorCode NomosTunerSetContextRange(NomosTuner, PetscInt k, PetscReal lo, PetscReal hi);
PETSC_EXTERN PetscErrorCode NomosTunerGetContexts(NomosTuner, PetscInt *n);
PETSC_EXTERN PetscErrorCode NomosTunerSetMethod(NomosTuner, const char[]);
PETSC_EXTERN PetscErrorCode NomosTunerGetMethod(NomosTuner, const char *[]); /* the learner in force                     */
PETSC_EXTERN PetscErrorCode NomosTunerSetOptionsPrefix(NomosTuner, const char[]);
PETSC_EXTERN PetscErrorCode NomosTunerSetOptionsStem(NomosTuner, const char[]); /* "nomos_tuner_" by default              */
PETSC_EXTERN PetscErrorCode NomosTunerSetName(NomosTuner, const char[]);     /* of its random stream and state            */
PETSC_EXTERN PetscErrorCode NomosTunerSetSeed(NomosTuner, PetscInt64);
PETSC_EXTERN PetscErrorCode NomosTunerSetBaseline(NomosTuner, PetscInt arm);
PETSC_EXTERN PetscErrorCode NomosTunerSetCostFloor(NomosTuner, PetscReal);   /* cost that no arm can save: 1 for iterations */
PETSC_EXTERN PetscErrorCode NomosTunerSetCap(NomosTuner, PetscReal);         /* <= 0: off                                 */
PETSC_EXTERN PetscErrorCode NomosTunerSetBudget(NomosTuner, PetscReal);      /* < 0: off                                  */
PETSC_EXTERN PetscErrorCode NomosTunerSetBan(NomosTuner, PetscInt);          /* 0: off                                    */
PETSC_EXTERN PetscErrorCode NomosTunerSetStart(NomosTuner, PetscInt64);
PETSC_EXTERN PetscErrorCode NomosTunerSetFreeze(NomosTuner, PetscInt64);     /* < 0: never                                */
PETSC_EXTERN PetscErrorCode NomosTunerSetEstimator(NomosTuner, PetscBool reduced_variance);
PETSC_EXTERN PetscErrorCode NomosTunerSetLossScale(NomosTuner, PetscReal);   /* <= 0: the running mean                    */
PETSC_EXTERN PetscErrorCode NomosTunerSetBins(NomosTuner, PetscInt);
PETSC_EXTERN PetscErrorCode NomosTunerSetChebyshevDegree(NomosTuner, PetscInt);
PETSC_EXTERN PetscErrorCode NomosTunerSetGP(NomosTuner, PetscReal z, PetscBool thompson, PetscReal watch, PetscReal drift);
PETSC_EXTERN PetscErrorCode NomosTunerSetYoung(NomosTuner, PetscReal jacobi_radius, PetscBool symmetric);
PETSC_EXTERN PetscErrorCode NomosTunerSetInit(NomosTuner, PetscBool young);      /* first arm tried: the learner's, or the formula's */
PETSC_EXTERN PetscErrorCode NomosTunerYoungOmega(PetscReal jacobi_radius, PetscBool symmetric, PetscReal *omega);
PETSC_EXTERN PetscErrorCode NomosTunerSetMonitor(NomosTuner, PetscBool);
PETSC_EXTERN PetscErrorCode NomosTunerSetViewer(NomosTuner, PetscViewer, PetscViewerFormat);
PETSC_EXTERN PetscErrorCode NomosTunerSetLog(NomosTuner, const char file[]);
PETSC_EXTERN PetscErrorCode NomosTunerSetFromOptions(NomosTuner);
PETSC_EXTERN PetscErrorCode NomosTunerSetUp(NomosTuner);
PETSC_EXTERN PetscErrorCode NomosTunerSelect(NomosTuner, const PetscReal ctx[], PetscInt *arm, PetscReal values[]);
PETSC_EXTERN PetscErrorCode NomosTunerGetLimit(NomosTuner, PetscReal *);     /* cost at which this round is to be stopped  */
PETSC_EXTERN PetscErrorCode NomosTunerReport(NomosTuner, PetscReal cost, PetscBool failed);
PETSC_EXTERN PetscErrorCode NomosTunerCancel(NomosTuner);
PETSC_EXTERN PetscErrorCode NomosTunerGetBest(NomosTuner, const PetscReal ctx[], PetscInt *arm);
PETSC_EXTERN PetscErrorCode NomosTunerGetProbabilities(NomosTuner, PetscReal p[]); /* of the last Select                  */
PETSC_EXTERN PetscErrorCode NomosTunerGetStatistics(NomosTuner, NomosTunerStatistics *);
PETSC_EXTERN PetscErrorCode NomosTunerGetPulls(NomosTuner, PetscInt64 pulls[]);
PETSC_EXTERN PetscErrorCode NomosTunerSave(NomosTuner, const char file[]);   /* nomos-tuner/1                             */
PETSC_EXTERN PetscErrorCode NomosTunerLoad(NomosTuner, const char file[]);
PETSC_EXTERN PetscErrorCode NomosTunerSetSave(NomosTuner, const char file[], PetscInt interval);
PETSC_EXTERN PetscErrorCode NomosTunerSetLoadMode(NomosTuner, NomosLoadMode);
PETSC_EXTERN PetscErrorCode NomosTunerSetCostKind(NomosTuner, const char kind[], const char place[]); /* in a state file  */
PETSC_EXTERN PetscErrorCode NomosTunerSetReplay(NomosTuner, const char file[]); /* the arms of a saved run, again           */
PETSC_EXTERN PetscErrorCode NomosTunerReset(NomosTuner);                     /* forgets what it learned                   */
PETSC_EXTERN PetscErrorCode NomosTunerView(NomosTuner, PetscViewer);
PETSC_EXTERN PetscErrorCode NomosTunerDestroy(NomosTuner *);

/* ---- nomostune: a KSP that learns settings of another one ---------------------------------------------------------- */
#define KSPNOMOSTUNE "nomostune"
PETSC_EXTERN PetscErrorCode NomosKSPTuneGetInner(KSP, KSP *);
PETSC_EXTERN PetscErrorCode NomosKSPTuneGetTuner(KSP, NomosTuner *);          /* before the first solve: to set it up      */
PETSC_EXTERN PetscErrorCode NomosKSPTuneSetCost(KSP, const char name[], PetscBool per_decade); /* auto its work time user */
PETSC_EXTERN PetscErrorCode NomosKSPTuneSetCostFunction(KSP, PetscErrorCode (*)(KSP, PetscInt its, PetscReal *cost, void *), void *);
PETSC_EXTERN PetscErrorCode NomosKSPTuneSetContexts(KSP, const char list[]);
PETSC_EXTERN PetscErrorCode NomosKSPTuneSetContext(KSP, PetscInt k, PetscReal value); /* of user:k                       */
PETSC_EXTERN PetscErrorCode NomosKSPTuneSetMaxLive(KSP, PetscInt);            /* preconditioners of arms kept alive        */
PETSC_EXTERN PetscErrorCode NomosKSPTuneAttach(KSP, PetscObject);             /* a TS or SNES, for dt and iter             */

#endif
