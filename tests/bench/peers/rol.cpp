// ROL (Debian's libtrilinos-rol-dev) on the problems of `./run bench newton`: composite-step SQP with its defaults, by products;
// its augmented systems get (G G')^-1 by a Cholesky factor as preconditioner: without one it takes minutes on the control problem at N = 15.
#include "ROL_OptimizationSolver.hpp"
#include "ROL_ParameterList.hpp"
#include "ROL_StdVector.hpp"
#include "problem.h"
#include <iostream>

typedef ROL::Vector<double>    V;
typedef ROL::StdVector<double> Std;

static const double *at(const V &v) { return dynamic_cast<const Std &>(v).getVector()->data(); }
static double       *at(V &v) { return dynamic_cast<Std &>(v).getVector()->data(); }

struct Objective : public ROL::Objective<double> {
  PeerProblem *p;
  int          evaluations = 0;

  explicit Objective(PeerProblem *problem) : p(problem) { }
  double value(const V &x, double &) override
  {
    evaluations++;
    return PeerObjective(p, at(x));
  }
  void gradient(V &g, const V &x, double &) override { PeerGradient(p, at(x), at(g)); }
  void hessVec(V &w, const V &v, const V &x, double &) override { PeerHessianMult(p, at(x), 1, nullptr, at(v), at(w)); }
};
struct Constraint : public ROL::Constraint<double> {
  PeerProblem *p;

  explicit Constraint(PeerProblem *problem) : p(problem) { }
  void value(V &c, const V &x, double &) override { PeerConstraints(p, at(x), at(c)); }
  void applyJacobian(V &w, const V &v, const V &x, double &) override { PeerJacobianMult(p, at(x), 0, at(v), at(w)); }
  void applyAdjointJacobian(V &w, const V &v, const V &x, double &) override { PeerJacobianMult(p, at(x), 1, at(v), at(w)); }
  void applyPreconditioner(V &w, const V &v, const V &x, const V &, double &) override { PeerNormalSolve(p, at(x), at(v), at(w)); }
  void applyAdjointHessian(V &w, const V &l, const V &v, const V &x, double &) override { PeerHessianMult(p, at(x), 0, at(l), at(v), at(w)); }
};

int main(int argc, char **argv)
{
  if (PeerBegin(&argc, &argv)) return 1;
  for (int i = 0; i < PeerCount(); i++) {
    PeerProblem *p = PeerOpen(i);
    PeerResult   r = {0, 0, 0, 0};
    int          n, m, ng, nh;

    PeerSizes(p, &n, &m, &ng, &nh);
    auto x   = ROL::makePtr<Std>(ROL::makePtr<std::vector<double>>(n));
    auto l   = ROL::makePtr<Std>(ROL::makePtr<std::vector<double>>(m, 0.));
    auto obj = ROL::makePtr<Objective>(p);
    auto con = ROL::makePtr<Constraint>(p);
    PeerStart(p, x->getVector()->data());

    ROL::ParameterList list;
    list.sublist("Step").set("Type", "Composite Step");
    list.sublist("Step").sublist("Composite Step").set("Output Level", 0);
    list.sublist("Status Test").set("Gradient Tolerance", 1e-8);
    list.sublist("Status Test").set("Constraint Tolerance", 1e-8);
    list.sublist("Status Test").set("Step Tolerance", 1e-18);
    list.sublist("Status Test").set("Iteration Limit", 200);
    const double begin = PeerSeconds();
    try {
      ROL::OptimizationProblem<double> problem(obj, x, con, l);
      ROL::OptimizationSolver<double>  solver(problem, list);
      ROL::nullstream                  quiet;
      solver.solve(quiet);
      r.outer  = solver.getAlgorithmState()->iter;
      r.failed = solver.getAlgorithmState()->statusFlag != ROL::EXITSTATUS_CONVERGED;
    } catch (const std::exception &e) {
      std::cerr << e.what() << "\n";
      r.failed = 1;
    }
    r.seconds     = PeerSeconds() - begin;
    r.evaluations = obj->evaluations;
    PeerReport(p, "rol", &r, x->getVector()->data(), l->getVector()->data());
    PeerClose(p);
  }
  PeerSummary("rol");
  return PeerEnd();
}
