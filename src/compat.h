/* The differences between PETSc 3.18 and the newest release. The only file that tests PETSC_VERSION_*. */
#ifndef NOMOS_COMPAT_H
#define NOMOS_COMPAT_H
#include <petscsys.h>
#include <petscversion.h>

/* the release this library is built for: the guard of the plug-in compares it with the one that runs */
#define NOMOS_BUILT_FOR_MAJOR PETSC_VERSION_MAJOR
#define NOMOS_BUILT_FOR_MINOR PETSC_VERSION_MINOR

/* a PETSc that can exchange device memory between ranks */
#if defined(PETSC_HAVE_CUDA)
  #define NOMOS_PETSC_DEVICE 1
#else
  #define NOMOS_PETSC_DEVICE 0
#endif

/* 3.19: a name for zero */
#if PETSC_VERSION_LT(3, 19, 0)
  #define PETSC_SUCCESS ((PetscErrorCode)0)
#endif

/* 3.23: setfromoptions(obj, PetscOptionItems), before with a pointer. PetscOptionsObject keeps its name in both.
   Write  static PetscErrorCode TaoSetFromOptions_X(Tao tao, NomosOptionItems PetscOptionsObject)  */
#if PETSC_VERSION_LT(3, 23, 0)
typedef PetscOptionItems *NomosOptionItems;
#else
typedef PetscOptionItems NomosOptionItems;
#endif

/* 3.20: the check of a pointer (acts in debug builds of PETSc) got a new name */
#if PETSC_VERSION_LT(3, 20, 0)
  #define PetscAssertPointer PetscValidPointer
#endif

/* Some release after 3.18 (3.26 does it) refuses -pc_sor_omega outside (0,2) while it reads the option, and leaves its strings behind. */
#if PETSC_VERSION_LT(3, 19, 0)
  #define NOMOS_PETSC_CHECKS_OMEGA 0
#else
  #define NOMOS_PETSC_CHECKS_OMEGA 1
#endif

/* 3.21: TaoSetMonitor was renamed; its destroy callback gets &ctx in both */
#if PETSC_VERSION_LT(3, 21, 0)
  #define TaoMonitorSet    TaoSetMonitor
  #define TaoMonitorCancel TaoCancelMonitors
#endif

/* Destroy callbacks. Whether they get the context or its address changed in 3.23 (MatShell, PetscContainer) and 3.24
   (KSPSetConvergenceTest); monitors always got the address. Newer releases declare the argument void * in every case.
   Declare  static PetscErrorCode Free(NomosDestroyArg arg)  and take the context with NomosDestroyCtx(arg). */
#if PETSC_VERSION_LT(3, 23, 0)
  #define NomosDestroyCtx(arg) (arg)
#else
  #define NomosDestroyCtx(arg) (*(void **)(arg))
#endif
#if PETSC_VERSION_LT(3, 23, 0)
  #define NomosContainerSetDestroy PetscContainerSetUserDestroy
#else
  #define NomosContainerSetDestroy(box, f) PetscContainerSetCtxDestroy(box, (PetscCtxDestroyFn *)(f)) /* 3.26 says void * and means void ** */
#endif
#if PETSC_VERSION_LT(3, 24, 0)
  #define NomosTestDestroyCtx(arg) (arg)
#else
  #define NomosTestDestroyCtx(arg) (*(void **)(arg))
#endif
#define NomosMonitorDestroyCtx(arg) (*(void **)(arg))
#if PETSC_VERSION_GE(3, 23, 0) && PETSC_VERSION_LT(3, 24, 0)
typedef void **NomosDestroyArg;
#else
typedef void *NomosDestroyArg;
#endif
typedef void *NomosTestDestroyArg;
#if PETSC_VERSION_LT(3, 24, 0)
typedef void **NomosMonitorDestroyArg;
#else
typedef void *NomosMonitorDestroyArg;
#endif

/* The type that MatShellSetOperation() and its like want a function cast to: (NomosAnyFn *)f */
#if PETSC_VERSION_LT(3, 24, 0)
typedef void NomosAnyFn(void);
#else
typedef PetscErrorCodeFn NomosAnyFn;
#endif

/* 3.23: the context a user hung on a KSP or PC (private headers) */
#if PETSC_VERSION_LT(3, 23, 0)
  #define NomosUserCtx(obj) ((obj)->user)
#else
  #define NomosUserCtx(obj) ((obj)->ctx)
#endif

/* PetscPartitioner's partition operation got a section of edge weights (3.22). Ours ignore it:
   NOMOS_PARTITION_ENTRY(f) defines f_Entry, which the operation is set to (private header). */
#if PETSC_VERSION_LT(3, 22, 0)
  #define NOMOS_PARTITION_ENTRY(f) \
    static PetscErrorCode f##_Entry(PetscPartitioner part, PetscInt nparts, PetscInt n, PetscInt start[], PetscInt adjacency[], PetscSection vertices, PetscSection target, PetscSection parts, IS *is) \
    { \
      return f(part, nparts, n, start, adjacency, vertices, target, parts, is); \
    }
  #define NomosPartitionerPartition(part, nparts, n, start, adjacency, target, parts, is) PetscPartitionerPartition(part, nparts, n, start, adjacency, NULL, target, parts, is)
#else
  #define NomosPartitionerPartition(part, nparts, n, start, adjacency, target, parts, is) PetscPartitionerPartition(part, nparts, n, start, adjacency, NULL, NULL, target, parts, is)
  #define NOMOS_PARTITION_ENTRY(f) \
    static PetscErrorCode f##_Entry(PetscPartitioner part, PetscInt nparts, PetscInt n, PetscInt start[], PetscInt adjacency[], PetscSection vertices, PetscSection edges, PetscSection target, PetscSection parts, IS *is) \
    { \
      return f(part, nparts, n, start, adjacency, vertices, target, parts, is); \
    }
#endif

/* 3.22: changing the type of a Tao gives its limits their defaults back; before, the former type's stayed (private header) */
#if PETSC_VERSION_LT(3, 22, 0)
  #define NomosTaoDefaultLimits(tao) \
    do { \
      if (!(tao)->max_it_changed) (tao)->max_it = 10000; \
      if (!(tao)->max_funcs_changed) (tao)->max_funcs = -1; \
    } while (0)
#else
  #define NomosTaoDefaultLimits(tao) (void)(tao)
#endif

/* 3.22: a type's own default of a Tao parameter, unless the user set it (private header) */
#if PETSC_VERSION_LT(3, 22, 0)
  #define NomosTaoDefault(tao, name, value) \
    do { \
      if (!(tao)->name##_changed) (tao)->name = (value); \
    } while (0)
#else
  #define NomosTaoDefault(tao, name, value) PetscObjectParameterSetDefault(tao, name, value)
#endif

/* 3.22: "leave as it is" in setters of tolerances */
#if PETSC_VERSION_LT(3, 22, 0)
  #if !defined(PETSC_CURRENT)
    #define PETSC_CURRENT PETSC_DEFAULT
  #endif
  #if !defined(PETSC_UNLIMITED)
    #define PETSC_UNLIMITED PETSC_DEFAULT
  #endif
#endif

/* Bounded and ranged reals appeared after 3.18 */
#if !defined(PetscOptionsBoundedReal)
static inline PetscErrorCode NomosOptionsRangeReal(PetscOptionItems *PetscOptionsObject, const char opt[], const char text[], const char man[], PetscReal cur, PetscReal *val, PetscBool *set, PetscReal lb, PetscReal ub)
{
  PetscBool found = PETSC_FALSE;

  PetscFunctionBegin;
  PetscCall(PetscOptionsReal(opt, text, man, cur, val, &found));
  PetscCheck(!found || (*val >= lb && *val <= ub), PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "%s is %g; it must lie in [%g, %g]", opt, (double)*val, (double)lb, (double)ub);
  if (set) *set = found;
  PetscFunctionReturn(PETSC_SUCCESS);
}
  #define PetscOptionsRangeReal(opt, text, man, cur, val, set, lb, ub) NomosOptionsRangeReal(PetscOptionsObject, opt, text, man, cur, val, set, lb, ub)
  #define PetscOptionsBoundedReal(opt, text, man, cur, val, set, lb)   NomosOptionsRangeReal(PetscOptionsObject, opt, text, man, cur, val, set, lb, PETSC_MAX_REAL)
#endif
#endif
