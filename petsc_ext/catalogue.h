/* The catalogue: everything Nomos registers, one line each. Included twice by register.c (declare, register) and once more
   for -nomos_list; no include guard on purpose.

     NOMOS_TYPE(Class, "name", Suffix, "one line")   <Class>Register("name", <Class>Create_Suffix)
     NOMOS_PDE, NOMOS_NET, NOMOS_CONSTRAINT, NOMOS_LOSS("name", Suffix, "one line")
                                                     NomosMapRegister(family, "name", NomosMapCreate_Suffix)

   To add a type: write its file, add its line here. The contract tests run over this list. */
#if !defined(NOMOS_PDE)
  #define NOMOS_PDE(name, suffix, text)        NOMOS_MAP("pde", name, suffix, text)
  #define NOMOS_NET(name, suffix, text)        NOMOS_MAP("net", name, suffix, text)
  #define NOMOS_CONSTRAINT(name, suffix, text) NOMOS_MAP("constraint", name, suffix, text)
  #define NOMOS_LOSS(name, suffix, text)       NOMOS_MAP("loss", name, suffix, text)
#endif

/* composition: the one member of its family */
NOMOS_MAP("chain", "chain", Chain, "maps one after another")

/* where the numbers are computed */
NOMOS_TYPE(NomosBackend, "host", Host, "CPU: generated loops, BLAS, FFTW or the dense transform")
NOMOS_TYPE(NomosBackend, "cuda", CUDA, "NVIDIA GPU: the same loops, cuBLAS, cuFFT (libnomoscuda.so)")

/* residuals and generators */
NOMOS_PDE("darcy", Darcy, "-div(a grad u) = f on a box, u = 0 on its boundary")
NOMOS_PDE("burgers", Burgers, "u_t + u u_x = nu u_xx, periodic: initial state to final state")

/* neural operators */
NOMOS_NET("fno", FNO, "Fourier neural operator in one, two or three dimensions")

/* losses */
NOMOS_LOSS("sobolev", Sobolev, "H^s misfit by Fourier weights, any real s; s = 0 is plain L2")
NOMOS_LOSS("h1fd", H1FD, "H^1 misfit by finite differences, per sample and channel")

/* optimizers */
NOMOS_TYPE(Tao, "adamw", AdamW, "Adam with decoupled weight decay, complex weights, schedules, clipping")
NOMOS_TYPE(Tao, "sketchnewton", SketchNewton, "equality constraints: inexact Newton on an exact augmented Lagrangian")

/* preconditioners */
NOMOS_TYPE(PC, "nomossor", NomosSOR, "(S)SOR: orderings, colours across ranks, Eisenstat form, transposes")
NOMOS_TYPE(PC, "kktsketch", KKTSketch, "block elimination on KKT matrices with sketched blocks")

/* partitioners */
NOMOS_TYPE(PetscPartitioner, "metis", METIS, "METIS on the gathered graph, with weights")

/* solvers */
NOMOS_TYPE(KSP, "nomostune", NomosTune, "learns settings of another KSP from solve to solve")
NOMOS_TYPE(KSP, "sketchproject", SketchProject, "sketched, augmented GMRES with one reduction per product; random projections")

/* learners of the tuner */
NOMOS_TYPE(NomosTuner, "tsallis", Tsallis, "Tsallis-INF bandit: no context, stochastic or adversarial costs")
NOMOS_TYPE(NomosTuner, "tsallisbins", TsallisBins, "one Tsallis-INF bandit per bin of the context")
NOMOS_TYPE(NomosTuner, "chebcb", ChebCB, "Chebyshev regression of the cost over one context")
NOMOS_TYPE(NomosTuner, "gp", GP, "Gaussian process over arms and one or two contexts")
NOMOS_TYPE(NomosTuner, "young", Young, "Young's formula for omega, no learning")
NOMOS_TYPE(NomosTuner, "fixed", Fixed, "the baseline, always")
NOMOS_TYPE(NomosTuner, "uniform", Uniform, "every arm with the same probability")
NOMOS_TYPE(NomosTuner, "sweep", Sweep, "every arm in turn, for tables")

#undef NOMOS_TYPE
#undef NOMOS_MAP
#undef NOMOS_PDE
#undef NOMOS_NET
#undef NOMOS_CONSTRAINT
#undef NOMOS_LOSS
