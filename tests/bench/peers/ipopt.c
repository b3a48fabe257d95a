/* Ipopt (Debian's coinor-libipopt-dev, MUMPS inside) with exact Hessians on the problems of `./run bench newton`. */
#include <coin/IpStdCInterface.h>
#include <stdlib.h>
#include "problem.h"

typedef struct {
  PeerProblem *p;
  int          n, m, ng, nh, outer, evaluations;
} Run;

static Bool F(Index n, Number *x, Bool fresh, Number *f, UserDataPtr data)
{
  Run *r = (Run *)data;

  r->evaluations++;
  *f = PeerObjective(r->p, x);
  return TRUE;
}
static Bool GradF(Index n, Number *x, Bool fresh, Number *g, UserDataPtr data)
{
  PeerGradient(((Run *)data)->p, x, g);
  return TRUE;
}
static Bool C(Index n, Number *x, Bool fresh, Index m, Number *c, UserDataPtr data)
{
  PeerConstraints(((Run *)data)->p, x, c);
  return TRUE;
}
static Bool JacC(Index n, Number *x, Bool fresh, Index m, Index nonzeros, Index *row, Index *col, Number *v, UserDataPtr data)
{
  Run *r = (Run *)data;

  if (v) PeerJacobian(r->p, x, v);
  else PeerPlaces(r->p, 0, row, col);
  return TRUE;
}
static Bool Hess(Index n, Number *x, Bool fresh, Number factor, Index m, Number *l, Bool freshl, Index nonzeros, Index *row, Index *col, Number *v, UserDataPtr data)
{
  Run *r = (Run *)data;

  if (v) PeerHessian(r->p, x, factor, l, v);
  else PeerPlaces(r->p, 1, row, col);
  return TRUE;
}
static Bool Watch(Index mode, Index it, Number obj, Number primal, Number dual, Number mu, Number d, Number reg, Number adual, Number aprimal, Index trials, UserDataPtr data)
{
  ((Run *)data)->outer = it;
  return TRUE;
}

int main(int argc, char **argv)
{
  if (PeerBegin(&argc, &argv)) return 1;
  for (int i = 0; i < PeerCount(); i++) {
    Run          r = {PeerOpen(i), 0, 0, 0, 0, 0, 0};
    PeerResult   result;
    IpoptProblem nlp;
    double      *x, *lo, *hi, *c, *l, f, begin;
    int          status;

    PeerSizes(r.p, &r.n, &r.m, &r.ng, &r.nh);
    x  = (double *)malloc((size_t)(3 * r.n + 3 * r.m) * sizeof(double));
    lo = x + r.n;
    hi = lo + r.n;
    c  = hi + r.n; /* bounds of the constraints: 0 */
    l  = c + 2 * r.m;
    PeerStart(r.p, x);
    for (int k = 0; k < r.n; k++) lo[k] = -2e19, hi[k] = 2e19; /* none, in Ipopt's terms */
    for (int k = 0; k < 2 * r.m; k++) c[k] = 0;
    nlp = CreateIpoptProblem(r.n, lo, hi, r.m, c, c + r.m, r.ng, r.nh, 0, F, C, GradF, JacC, Hess);
    AddIpoptIntOption(nlp, (char *)"print_level", 0);
    AddIpoptNumOption(nlp, (char *)"tol", 1e-8);
    AddIpoptIntOption(nlp, (char *)"max_iter", 1000);
    AddIpoptStrOption(nlp, (char *)"sb", (char *)"yes");
    AddIpoptStrOption(nlp, (char *)"linear_solver", (char *)"mumps");
    SetIntermediateCallback(nlp, Watch);
    begin              = PeerSeconds();
    status             = IpoptSolve(nlp, x, NULL, &f, l, NULL, NULL, &r);
    result.seconds     = PeerSeconds() - begin;
    result.outer       = r.outer;
    result.evaluations = r.evaluations;
    result.failed      = status != Solve_Succeeded;
    PeerReport(r.p, "ipopt", &result, x, l);
    FreeIpoptProblem(nlp);
    PeerClose(r.p);
    free(x);
  }
  PeerSummary("ipopt");
  return PeerEnd();
}
