/* operations.c - the operations of a backend that cost: a call of its table, with its event and its floating-point operations for -log_view. */
#include "backend.h"

static PetscErrorCode Count(NomosBackend b, PetscLogDouble flops)
{
  PetscFunctionBegin;
  if (b->table == &NomosHostTable) PetscCall(PetscLogFlops(flops));
  else PetscCall(PetscLogGpuFlops(flops));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Transforms count none: how many there are is the library's affair, or that of the folding of a dense one. */
PetscErrorCode NomosBackendFFT(NomosBackend b, void *plan, int kind, PetscInt batch, const void *in, void *out, int add)
{
  PetscFunctionBegin;
  PetscCall(PetscLogEventBegin(NOMOS_FFT, b, 0, 0, 0));
  PetscCall(NomosBackendCheck(b, b->table->fft(b->ctx, plan, kind, batch, in, out, add), "fft"));
  PetscCall(PetscLogEventEnd(NOMOS_FFT, b, 0, 0, 0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosBackendGemm(NomosBackend b, const NomosGemm *g)
{
  const PetscLogDouble fields = (PetscLogDouble)g->out * g->points * g->batch, product = 2 * fields * g->in;
  PetscLogDouble       flops = product;

  PetscFunctionBegin;
  if (g->op == NOMOS_GEMM_DOT) flops = 2 * fields;
  else if (g->op == NOMOS_GEMM_ADJOINT) flops = (g->X ? product : 0) + (g->input ? product : 0) + (g->times ? fields : 0) + (g->sum ? fields : 0);
  PetscCall(PetscLogEventBegin(NOMOS_Gemm, b, 0, 0, 0));
  PetscCall(NomosBackendCheck(b, b->table->gemm(b->ctx, (int)b->precision, g), "gemm"));
  PetscCall(Count(b, flops));
  PetscCall(PetscLogEventEnd(NOMOS_Gemm, b, 0, 0, 0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosBackendModes(NomosBackend b, const NomosModes *m)
{
  const PetscLogDouble weights = (PetscLogDouble)m->kp * (m->rows > 0 ? m->rows : (PetscLogDouble)m->in * (m->separable ? 1 : m->out));

  PetscFunctionBegin;
  PetscCall(PetscLogEventBegin(NOMOS_Modes, b, 0, 0, 0));
  PetscCall(NomosBackendCheck(b, b->table->modes(b->ctx, (int)b->precision, m), "modes"));
  PetscCall(Count(b, 8 * weights * m->batch)); /* a complex multiplication and addition each */
  PetscCall(PetscLogEventEnd(NOMOS_Modes, b, 0, 0, 0));
  PetscFunctionReturn(PETSC_SUCCESS);
}
