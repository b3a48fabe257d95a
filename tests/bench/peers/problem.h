/* The problems of `./run bench newton` as a serial optimizer outside PETSc sees them: arrays, values, products, entries. */
#ifndef PEER_PROBLEM_H
#define PEER_PROBLEM_H
#ifdef __cplusplus
extern "C" {
#endif
typedef struct PeerProblem PeerProblem;
typedef struct {
  int    outer, evaluations, failed; /* evaluations of f; failed: the optimizer's own verdict */
  double seconds;
} PeerResult;

int           PeerBegin(int *argc, char ***argv);
int           PeerEnd(void);
int           PeerCount(void);                                          /* of problems: the developer set, then -N of PDE-N */
PeerProblem  *PeerOpen(int i);
void          PeerClose(PeerProblem *);
void          PeerSizes(const PeerProblem *, int *n, int *m, int *entries_G, int *entries_H); /* H: lower triangle */
void          PeerStart(const PeerProblem *, double *x);
double        PeerObjective(PeerProblem *, const double *x);
void          PeerGradient(PeerProblem *, const double *x, double *g);
void          PeerConstraints(PeerProblem *, const double *x, double *c);
void          PeerPlaces(PeerProblem *, int hessian, int *row, int *col);
void          PeerJacobian(PeerProblem *, const double *x, double *entries);
void          PeerHessian(PeerProblem *, const double *x, double factor, const double *l, double *entries); /* factor f'' + l'c'' */
void          PeerJacobianMult(PeerProblem *, const double *x, int transposed, const double *v, double *w);
void          PeerHessianMult(PeerProblem *, const double *x, double factor, const double *l, const double *v, double *w);
void          PeerNormalSolve(PeerProblem *, const double *x, const double *v, double *w); /* w = (G G')^-1 v                   */
void          PeerReport(PeerProblem *, const char type[], const PeerResult *, const double *x, const double *l); /* a row; KKT residuals computed here */
void          PeerSummary(const char type[]);                           /* of the developer set */
double        PeerSeconds(void);
#ifdef __cplusplus
}
#endif
#endif
