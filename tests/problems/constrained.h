/*
  constrained.h - small equality-constrained problems with known solutions (Hock and Schittkowski 1981; Boggs and Tolle 1989;
  Byrd, Maratos), shared by tests and benchmarks. f, c and their first and second derivatives come from one formula each: a
  number carries its gradient and Hessian through the arithmetic (forward differentiation), so no derivative is typed in.
*/
#ifndef CONSTRAINED_H
#define CONSTRAINED_H
#include <petsctao.h>
#include <math.h>
#include <string.h>

#define JET_MAX 7 /* variables of the largest problem */
typedef struct {  /* value, gradient, Hessian */
  double v, g[JET_MAX], h[JET_MAX][JET_MAX];
} Jet;

static inline Jet JetConstant(double v)
{
  Jet r;
  memset(&r, 0, sizeof(r));
  r.v = v;
  return r;
}
static inline Jet JetVariable(double v, int i)
{
  Jet r  = JetConstant(v);
  r.g[i] = 1;
  return r;
}
/* phi(a) with phi', phi'' at a */
static inline Jet JetChain(Jet a, double v, double d, double dd)
{
  Jet r;
  r.v = v;
  for (int i = 0; i < JET_MAX; i++) r.g[i] = d * a.g[i];
  for (int i = 0; i < JET_MAX; i++)
    for (int j = 0; j < JET_MAX; j++) r.h[i][j] = d * a.h[i][j] + dd * a.g[i] * a.g[j];
  return r;
}
static inline Jet Add(Jet a, Jet b)
{
  a.v += b.v;
  for (int i = 0; i < JET_MAX; i++) {
    a.g[i] += b.g[i];
    for (int j = 0; j < JET_MAX; j++) a.h[i][j] += b.h[i][j];
  }
  return a;
}
static inline Jet Times(double c, Jet a)
{
  return JetChain(a, c * a.v, c, 0);
}
static inline Jet Plus(Jet a, double c)
{
  a.v += c;
  return a;
}
static inline Jet Sub(Jet a, Jet b)
{
  return Add(a, Times(-1, b));
}
static inline Jet Mul(Jet a, Jet b)
{
  Jet r;
  r.v = a.v * b.v;
  for (int i = 0; i < JET_MAX; i++) {
    r.g[i] = a.v * b.g[i] + b.v * a.g[i];
    for (int j = 0; j < JET_MAX; j++) r.h[i][j] = a.v * b.h[i][j] + b.v * a.h[i][j] + a.g[i] * b.g[j] + b.g[i] * a.g[j];
  }
  return r;
}
static inline Jet Pow(Jet a, int n)
{
  return JetChain(a, pow(a.v, n), n * pow(a.v, n - 1), n > 1 ? n * (n - 1) * pow(a.v, n - 2) : 0);
}
static inline Jet Sq(Jet a)
{
  return Pow(a, 2);
}
static inline Jet Sin(Jet a)
{
  return JetChain(a, sin(a.v), cos(a.v), -sin(a.v));
}
static inline Jet Cos(Jet a)
{
  return JetChain(a, cos(a.v), -sin(a.v), -cos(a.v));
}
static inline Jet Log(Jet a)
{
  return JetChain(a, log(a.v), 1 / a.v, -1 / (a.v * a.v));
}

typedef void SmallFormula(const Jet x[], Jet *f, Jet c[]);
typedef struct {
  const char   *name;
  int           n, m;
  double        x0[JET_MAX], fstar;
  SmallFormula *formula;
  int           paper;  /* published outer iterations (Hong et al. 2023, table 1); 0: none; a negative number: up to that many */
  double        xstar[JET_MAX]; /* all 0: not given */
} SmallProblem;

#define S2    1.4142135623730951
#define X(i)  x[(i)-1]
#define C(i)  c[(i)-1]
#define LIN2(a, i, b, j) Add(Times(a, X(i)), Times(b, X(j)))
#define LIN3(a, i, b, j, d, k) Add(LIN2(a, i, b, j), Times(d, X(k)))

static inline void Small_HS6(const Jet x[], Jet *f, Jet c[])
{
  *f   = Sq(Plus(X(1), -1));
  C(1) = Times(10, Sub(X(2), Sq(X(1))));
}
static inline void Small_HS7(const Jet x[], Jet *f, Jet c[])
{
  *f   = Sub(Log(Plus(Sq(X(1)), 1)), X(2));
  C(1) = Plus(Add(Sq(Plus(Sq(X(1)), 1)), Sq(X(2))), -4);
}
static inline void Small_HS9(const Jet x[], Jet *f, Jet c[])
{
  *f   = Mul(Sin(Times(M_PI / 12, X(1))), Cos(Times(M_PI / 16, X(2))));
  C(1) = LIN2(4, 1, -3, 2);
}
static inline void Small_HS26(const Jet x[], Jet *f, Jet c[])
{
  *f   = Add(Sq(Sub(X(1), X(2))), Pow(Sub(X(2), X(3)), 4));
  C(1) = Plus(Add(Mul(Plus(Sq(X(2)), 1), X(1)), Pow(X(3), 4)), -3);
}
static inline void Small_HS27(const Jet x[], Jet *f, Jet c[])
{
  *f   = Add(Times(0.01, Sq(Plus(X(1), -1))), Sq(Sub(X(2), Sq(X(1)))));
  C(1) = Plus(Add(X(1), Sq(X(3))), 1);
}
static inline void Small_HS28(const Jet x[], Jet *f, Jet c[])
{
  *f   = Add(Sq(Add(X(1), X(2))), Sq(Add(X(2), X(3))));
  C(1) = Plus(LIN3(1, 1, 2, 2, 3, 3), -1);
}
static inline void Small_HS28D(const Jet x[], Jet *f, Jet c[]) /* the row once more, doubled */
{
  Small_HS28(x, f, c);
  C(2) = Times(2, C(1));
}
static inline void Small_HS39(const Jet x[], Jet *f, Jet c[])
{
  *f   = Times(-1, X(1));
  C(1) = Sub(Sub(X(2), Pow(X(1), 3)), Sq(X(3)));
  C(2) = Sub(Sub(Sq(X(1)), X(2)), Sq(X(4)));
}
static inline void Small_HS40(const Jet x[], Jet *f, Jet c[])
{
  *f   = Times(-1, Mul(Mul(X(1), X(2)), Mul(X(3), X(4))));
  C(1) = Plus(Add(Pow(X(1), 3), Sq(X(2))), -1);
  C(2) = Sub(Mul(Sq(X(1)), X(4)), X(3));
  C(3) = Sub(Sq(X(4)), X(2));
}
static inline void Small_HS42(const Jet x[], Jet *f, Jet c[])
{
  *f   = Add(Add(Sq(Plus(X(1), -1)), Sq(Plus(X(2), -2))), Add(Sq(Plus(X(3), -3)), Sq(Plus(X(4), -4))));
  C(1) = Plus(X(1), -2);
  C(2) = Plus(Add(Sq(X(3)), Sq(X(4))), -2);
}
static inline void Small_HS46(const Jet x[], Jet *f, Jet c[])
{
  *f   = Add(Add(Sq(Sub(X(1), X(2))), Sq(Plus(X(3), -1))), Add(Pow(Plus(X(4), -1), 4), Pow(Plus(X(5), -1), 6)));
  C(1) = Plus(Add(Mul(Sq(X(1)), X(4)), Sin(Sub(X(4), X(5)))), -1);
  C(2) = Plus(Add(X(2), Mul(Pow(X(3), 4), Sq(X(4)))), -2);
}
static inline void Small_HS48(const Jet x[], Jet *f, Jet c[])
{
  *f   = Add(Add(Sq(Plus(X(1), -1)), Sq(Sub(X(2), X(3)))), Sq(Sub(X(4), X(5))));
  C(1) = Plus(Add(LIN3(1, 1, 1, 2, 1, 3), LIN2(1, 4, 1, 5)), -5);
  C(2) = Plus(LIN3(1, 3, -2, 4, -2, 5), 3);
}
static inline void Small_HS50(const Jet x[], Jet *f, Jet c[])
{
  *f = Add(Add(Sq(Sub(X(1), X(2))), Sq(Sub(X(2), X(3)))), Add(Pow(Sub(X(3), X(4)), 4), Sq(Sub(X(4), X(5)))));
  for (int i = 1; i <= 3; i++) C(i) = Plus(LIN3(1, i, 2, i + 1, 3, i + 2), -6);
}
static inline void Linear51(const Jet x[], Jet c[])
{
  C(1) = LIN2(1, 1, 3, 2);
  C(2) = LIN3(1, 3, 1, 4, -2, 5);
  C(3) = LIN2(1, 2, -1, 5);
}
static inline void Small_HS51(const Jet x[], Jet *f, Jet c[])
{
  *f = Add(Add(Sq(Sub(X(1), X(2))), Sq(Plus(Add(X(2), X(3)), -2))), Add(Sq(Plus(X(4), -1)), Sq(Plus(X(5), -1))));
  Linear51(x, c);
  C(1) = Plus(C(1), -4);
}
static inline void Small_HS52(const Jet x[], Jet *f, Jet c[])
{
  *f = Add(Add(Sq(LIN2(4, 1, -1, 2)), Sq(Plus(Add(X(2), X(3)), -2))), Add(Sq(Plus(X(4), -1)), Sq(Plus(X(5), -1))));
  Linear51(x, c);
}
static inline void Small_HS61(const Jet x[], Jet *f, Jet c[])
{
  *f   = Add(Add(Times(4, Sq(X(1))), Times(2, Add(Sq(X(2)), Sq(X(3))))), LIN3(-33, 1, 16, 2, -24, 3));
  C(1) = Plus(Sub(Times(3, X(1)), Times(2, Sq(X(2)))), -7);
  C(2) = Plus(Sub(Times(4, X(1)), Sq(X(3))), -11);
}
static inline void Small_HS77(const Jet x[], Jet *f, Jet c[])
{
  *f   = Add(Add(Sq(Plus(X(1), -1)), Sq(Sub(X(1), X(2)))), Add(Sq(Plus(X(3), -1)), Add(Pow(Plus(X(4), -1), 4), Pow(Plus(X(5), -1), 6))));
  C(1) = Plus(Add(Mul(Sq(X(1)), X(4)), Sin(Sub(X(4), X(5)))), -2 * S2);
  C(2) = Plus(Add(X(2), Mul(Pow(X(3), 4), Sq(X(4)))), -8 - S2);
}
static inline void Small_HS78(const Jet x[], Jet *f, Jet c[])
{
  *f   = Mul(Mul(Mul(X(1), X(2)), Mul(X(3), X(4))), X(5));
  C(1) = Plus(Add(Add(Add(Sq(X(1)), Sq(X(2))), Add(Sq(X(3)), Sq(X(4)))), Sq(X(5))), -10);
  C(2) = Sub(Mul(X(2), X(3)), Times(5, Mul(X(4), X(5))));
  C(3) = Plus(Add(Pow(X(1), 3), Pow(X(2), 3)), 1);
}
static inline void Small_HS79(const Jet x[], Jet *f, Jet c[])
{
  *f   = Add(Add(Sq(Plus(X(1), -1)), Add(Sq(Sub(X(1), X(2))), Sq(Sub(X(2), X(3))))), Add(Pow(Sub(X(3), X(4)), 4), Pow(Sub(X(4), X(5)), 4)));
  C(1) = Plus(Add(X(1), Add(Sq(X(2)), Pow(X(3), 3))), -2 - 3 * S2);
  C(2) = Plus(Add(Sub(X(2), Sq(X(3))), X(4)), 2 - 2 * S2);
  C(3) = Plus(Mul(X(1), X(5)), -2);
}
static inline void Small_HS100LNP(const Jet x[], Jet *f, Jet c[])
{
  const Jet a = Add(Add(Sq(Plus(X(1), -10)), Times(5, Sq(Plus(X(2), -12)))), Add(Pow(X(3), 4), Times(3, Sq(Plus(X(4), -11)))));
  const Jet b = Add(Add(Times(10, Pow(X(5), 6)), Times(7, Sq(X(6)))), Pow(X(7), 4));

  *f   = Add(Add(a, b), Add(Times(-4, Mul(X(6), X(7))), LIN2(-10, 6, -8, 7)));
  C(1) = Plus(Add(Add(Times(2, Sq(X(1))), Times(3, Pow(X(2), 4))), Add(Add(X(3), Times(4, Sq(X(4)))), Times(5, X(5)))), -127);
  C(2) = Add(Add(Times(-4, Sq(X(1))), Sub(Times(3, Mul(X(1), X(2))), Sq(X(2)))), Add(Times(-2, Sq(X(3))), LIN2(-5, 6, 11, 7)));
}
static inline void Small_BT5(const Jet x[], Jet *f, Jet c[])
{
  *f   = Plus(Times(-1, Add(Add(Sq(X(1)), Times(2, Sq(X(2)))), Add(Sq(X(3)), Add(Mul(X(1), X(2)), Mul(X(1), X(3)))))), 1000);
  C(1) = Plus(Add(Add(Sq(X(1)), Sq(X(2))), Sq(X(3))), -25);
  C(2) = Plus(LIN3(8, 1, 14, 2, 7, 3), -56);
}
static inline void Small_BT10(const Jet x[], Jet *f, Jet c[])
{
  *f   = Times(-1, X(1));
  C(1) = Sub(X(2), Pow(X(1), 3));
  C(2) = Sub(Sq(X(1)), X(2));
}
static inline void Small_MARATOS(const Jet x[], Jet *f, Jet c[])
{
  C(1) = Plus(Add(Sq(X(1)), Sq(X(2))), -1);
  *f   = Add(Times(-1, X(1)), Times(1e-6, C(1)));
}
static inline void Small_BYRDSPHR(const Jet x[], Jet *f, Jet c[])
{
  *f   = LIN3(-1, 1, -1, 2, -1, 3);
  C(1) = Plus(Add(Add(Sq(X(1)), Sq(X(2))), Sq(X(3))), -9);
  C(2) = Plus(Add(Add(Sq(Plus(X(1), -1)), Sq(X(2))), Sq(X(3))), -9);
}
/* --- edge cases ----------------------------------------------------------------------------------------------------- */
static inline void Small_Infeasible(const Jet x[], Jet *f, Jet c[]) /* stationary at 0, where c = 1 */
{
  *f   = Add(Sq(X(1)), Sq(X(2)));
  C(1) = Plus(*f, 1);
}
static inline void Small_Rosenbrock(const Jet x[], Jet *f, Jet c[])
{
  *f = Add(Times(100, Sq(Sub(X(2), Sq(X(1))))), Sq(Plus(X(1), -1)));
}
static inline void Small_NaN(const Jet x[], Jet *f, Jet c[]) /* no number for x1 <= 0 */
{
  *f   = Times(-1, Log(X(1)));
  C(1) = Plus(Add(X(1), Sq(X(2))), -1);
}
static inline void Small_Overdetermined(const Jet x[], Jet *f, Jet c[]) /* m > n, consistent at (1,2) */
{
  *f   = Add(Sq(X(1)), Sq(X(2)));
  C(1) = Plus(X(1), -1);
  C(2) = Plus(X(2), -2);
  C(3) = Plus(Mul(X(1), X(2)), -2);
}
static inline void Small_Contradiction(const Jet x[], Jet *f, Jet c[]) /* m > n, least |c| at x1 = 0.5: sqrt(1/2) */
{
  *f   = Sq(X(1));
  C(1) = X(1);
  C(2) = Plus(X(1), -1);
}
static inline void Small_Linear(const Jet x[], Jet *f, Jet c[]) /* zero Hessian of f, at the minimum on a circle */
{
  *f   = LIN2(1, 1, 1, 2);
  C(1) = Plus(Add(Sq(X(1)), Sq(X(2))), -2);
}
static inline void Small_Constant(const Jet x[], Jet *f, Jet c[])
{
  *f   = JetConstant(3);
  C(1) = Plus(Add(Sq(X(1)), Sq(X(2))), -2);
}
#undef LIN2
#undef LIN3
#undef C
#undef X

static const SmallProblem SmallProblems[] = { /* the developer set */
  {"HS6", 2, 1, {-1.2, 1}, 0, Small_HS6, 9, {1, 1}},
  {"HS7", 2, 1, {2, 2}, -1.7320508075688772, Small_HS7, 10, {0, 1.7320508075688772}},
  {"HS9", 2, 1, {0, 0}, -0.5, Small_HS9, 0, {0}},
  {"HS26", 3, 1, {-2.6, 2, 2}, 0, Small_HS26, 0, {0}},
  {"HS27", 3, 1, {2, 2, 2}, 0.04, Small_HS27, 0, {-1, 1, 0}},
  {"HS28", 3, 1, {-4, 1, 1}, 0, Small_HS28, 1, {.5, -.5, .5}},
  {"HS39", 4, 2, {2, 2, 2, 2}, -1, Small_HS39, -13, {1, 1, 0, 0}},
  {"HS40", 4, 3, {.8, .8, .8, .8}, -0.25, Small_HS40, 3, {.79370053, .70710678, .52973155, .84089642}},
  {"HS42", 4, 2, {1, 1, 1, 1}, 28 - 10 * S2, Small_HS42, 4, {2, 2, .84852814, 1.13137085}},
  {"HS46", 5, 2, {S2 / 2, 1.75, .5, 2, 2}, 0, Small_HS46, 0, {0}},
  {"HS48", 5, 2, {3, 5, -3, 2, -2}, 0, Small_HS48, 1, {1, 1, 1, 1, 1}},
  {"HS50", 5, 3, {35, -31, 11, 5, -5}, 0, Small_HS50, 8, {1, 1, 1, 1, 1}},
  {"HS51", 5, 3, {2.5, .5, 2, -1, .5}, 0, Small_HS51, 1, {1, 1, 1, 1, 1}},
  {"HS52", 5, 3, {2, 2, 2, 2, 2}, 1859. / 349., Small_HS52, 2, {0}},
  {"HS61", 3, 2, {0, 0, 0}, -143.646142198, Small_HS61, 0, {5.32677014, -2.11899863, 3.21046423}},
  {"HS77", 5, 2, {2, 2, 2, 2, 2}, 0.24150512879, Small_HS77, 8, {0}},
  {"HS78", 5, 3, {-2, 1.5, 2, -1, -1}, -2.91970040896, Small_HS78, 4, {0}},
  {"HS79", 5, 3, {2, 2, 2, 2, 2}, 0.0787768208711, Small_HS79, 4, {0}},
  {"HS100LNP", 7, 2, {1, 2, 0, 4, 0, 1, 1}, 680.630057374, Small_HS100LNP, 9, {0}},
  {"BT5", 3, 2, {2, 2, 2}, 961.71517213, Small_BT5, 5, {3.51212134, .21698794, 3.55217115}},
  {"BT10", 2, 2, {2, 2}, -1, Small_BT10, 7, {1, 1}},
  {"MARATOS", 2, 1, {1.1, .1}, -1, Small_MARATOS, 0, {1, 0}},
  {"BYRDSPHR", 3, 2, {5, 1e-4, -1e-4}, -4.68330013267, Small_BYRDSPHR, 0, {.5, 2.09165007, 2.09165007}},
};
#define NUM_SMALL ((int)(sizeof(SmallProblems) / sizeof(SmallProblems[0])))
static const SmallProblem EdgeProblems[] = {
  {"HS28 with its row twice", 3, 2, {-4, 1, 1}, 0, Small_HS28D, 0, {.5, -.5, .5}},
  {"infeasible", 2, 1, {1, 2}, 0, Small_Infeasible, 0, {0}},
  {"Rosenbrock", 2, 0, {-1.2, 1}, 0, Small_Rosenbrock, 0, {1, 1}},
  {"NaN trials", 2, 1, {.1, 3}, 0, Small_NaN, 0, {1, 0}},
  {"m > n", 2, 3, {3, 3}, 5, Small_Overdetermined, 0, {1, 2}},
  {"m > n, contradiction", 1, 2, {3}, 0.25, Small_Contradiction, 0, {.5}},
  {"f linear", 2, 1, {2, 1}, -2, Small_Linear, 0, {-1, -1}},
  {"f constant", 2, 1, {2, 1}, 3, Small_Constant, 0, {0}},
};
#define NUM_EDGE ((int)(sizeof(EdgeProblems) / sizeof(EdgeProblems[0])))

/* of both lists, by name; NULL where there is none */
static inline const SmallProblem *SmallFind(const char name[])
{
  for (int i = 0; i < NUM_SMALL; i++)
    if (!strcmp(SmallProblems[i].name, name)) return &SmallProblems[i];
  for (int i = 0; i < NUM_EDGE; i++)
    if (!strcmp(EdgeProblems[i].name, name)) return &EdgeProblems[i];
  return NULL;
}
#undef S2

/* --- as a Tao sees them, on any number of ranks ------------------------------------------------------------------------ */
typedef struct {
  const SmallProblem *p;
  Tao                 tao;
  Vec                 x, c;
  Mat                 G, H;
  VecScatter          allx, alll;
  Vec                 herex, herel;
  int                 evaluations, f_only; /* f_only: the Hessian leaves out the constraints */
  int                 nan_at;               /* the Hessian is NaN at this iteration; < 0: never */
} Small;

static inline PetscErrorCode SmallJets(Small *s, Vec x, Jet *f, Jet c[])
{
  const PetscScalar *a;
  Jet                v[JET_MAX];

  PetscFunctionBegin;
  PetscCall(VecScatterBegin(s->allx, x, s->herex, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecScatterEnd(s->allx, x, s->herex, INSERT_VALUES, SCATTER_FORWARD));
  PetscCall(VecGetArrayRead(s->herex, &a));
  for (int i = 0; i < s->p->n; i++) v[i] = JetVariable(PetscRealPart(a[i]), i);
  PetscCall(VecRestoreArrayRead(s->herex, &a));
  s->p->formula(v, f, c);
  PetscFunctionReturn(0);
}
static inline PetscErrorCode SmallFG(Tao tao, Vec x, PetscReal *f, Vec g, void *ctx)
{
  Small       *s = (Small *)ctx;
  Jet          j, c[JET_MAX];
  PetscScalar *a;
  PetscInt     lo, hi;

  PetscFunctionBegin;
  s->evaluations++;
  PetscCall(SmallJets(s, x, &j, c));
  *f = j.v;
  PetscCall(VecGetOwnershipRange(g, &lo, &hi));
  PetscCall(VecGetArrayWrite(g, &a));
  for (PetscInt i = lo; i < hi; i++) a[i - lo] = j.g[i];
  PetscCall(VecRestoreArrayWrite(g, &a));
  PetscFunctionReturn(0);
}
static inline PetscErrorCode SmallC(Tao tao, Vec x, Vec cv, void *ctx)
{
  Small       *s = (Small *)ctx;
  Jet          f, c[JET_MAX];
  PetscScalar *a;
  PetscInt     lo, hi;

  PetscFunctionBegin;
  PetscCall(SmallJets(s, x, &f, c));
  PetscCall(VecGetOwnershipRange(cv, &lo, &hi));
  PetscCall(VecGetArrayWrite(cv, &a));
  for (PetscInt i = lo; i < hi; i++) a[i - lo] = c[i].v;
  PetscCall(VecRestoreArrayWrite(cv, &a));
  PetscFunctionReturn(0);
}
static inline PetscErrorCode SmallG(Tao tao, Vec x, Mat G, Mat Gpre, void *ctx)
{
  Small   *s = (Small *)ctx;
  Jet      f, c[JET_MAX];
  PetscInt lo, hi;

  PetscFunctionBegin;
  PetscCall(SmallJets(s, x, &f, c));
  PetscCall(MatGetOwnershipRange(G, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++)
    for (PetscInt j = 0; j < s->p->n; j++) PetscCall(MatSetValue(G, i, j, c[i].g[j], INSERT_VALUES));
  PetscCall(MatAssemblyBegin(G, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(G, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(0);
}
static inline PetscErrorCode SmallH(Tao tao, Vec x, Mat H, Mat Hpre, void *ctx)
{
  Small             *s = (Small *)ctx;
  Jet                f, c[JET_MAX];
  Vec                l;
  const PetscScalar *a;
  PetscInt           lo, hi, it;

  PetscFunctionBegin;
  PetscCall(SmallJets(s, x, &f, c));
  PetscCall(TaoGetDualVariables(tao, &l, NULL));
  PetscCall(TaoGetIterationNumber(tao, &it));
  if (s->p->m && !s->f_only) {
    PetscCall(VecScatterBegin(s->alll, l, s->herel, INSERT_VALUES, SCATTER_FORWARD));
    PetscCall(VecScatterEnd(s->alll, l, s->herel, INSERT_VALUES, SCATTER_FORWARD));
    PetscCall(VecGetArrayRead(s->herel, &a));
    for (int k = 0; k < s->p->m; k++) f = Add(f, Times(PetscRealPart(a[k]), c[k]));
    PetscCall(VecRestoreArrayRead(s->herel, &a));
  }
  PetscCall(MatGetOwnershipRange(H, &lo, &hi));
  for (PetscInt i = lo; i < hi; i++)
    for (PetscInt j = 0; j < s->p->n; j++) PetscCall(MatSetValue(H, i, j, s->nan_at >= 0 && it >= s->nan_at ? NAN : f.h[i][j], INSERT_VALUES));
  PetscCall(MatAssemblyBegin(H, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(H, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(0);
}
static inline PetscErrorCode SmallDense(MPI_Comm comm, int rows, int cols, Mat *A)
{
  PetscFunctionBegin;
  PetscCall(MatCreateAIJ(comm, PETSC_DECIDE, PETSC_DECIDE, rows, cols, cols, NULL, cols, NULL, A));
  PetscFunctionReturn(0);
}
/* a Tao without a type, with every callback set, at the problem's own start */
static inline PetscErrorCode SmallCreate(MPI_Comm comm, const SmallProblem *p, Small *s)
{
  PetscFunctionBegin;
  memset(s, 0, sizeof(*s));
  s->p      = p;
  s->nan_at = -1;
  PetscCall(VecCreate(comm, &s->x));
  PetscCall(VecSetSizes(s->x, PETSC_DECIDE, p->n));
  PetscCall(VecSetFromOptions(s->x));
  PetscCall(VecScatterCreateToAll(s->x, &s->allx, &s->herex));
  for (int i = 0; i < p->n; i++) PetscCall(VecSetValue(s->x, i, p->x0[i], INSERT_VALUES));
  PetscCall(VecAssemblyBegin(s->x));
  PetscCall(VecAssemblyEnd(s->x));
  PetscCall(TaoCreate(comm, &s->tao));
  PetscCall(TaoSetSolution(s->tao, s->x));
  PetscCall(TaoSetObjectiveAndGradient(s->tao, NULL, SmallFG, s));
  PetscCall(SmallDense(comm, p->n, p->n, &s->H));
  PetscCall(TaoSetHessian(s->tao, s->H, s->H, SmallH, s));
  if (p->m) {
    PetscCall(VecCreate(comm, &s->c));
    PetscCall(VecSetSizes(s->c, PETSC_DECIDE, p->m));
    PetscCall(VecSetFromOptions(s->c));
    PetscCall(VecScatterCreateToAll(s->c, &s->alll, &s->herel));
    PetscCall(SmallDense(comm, p->m, p->n, &s->G));
    PetscCall(TaoSetEqualityConstraintsRoutine(s->tao, s->c, SmallC, s));
    PetscCall(TaoSetJacobianEqualityRoutine(s->tao, s->G, s->G, SmallG, s));
  }
  PetscFunctionReturn(0);
}
static inline PetscErrorCode SmallDestroy(Small *s)
{
  PetscFunctionBegin;
  PetscCall(TaoDestroy(&s->tao));
  PetscCall(VecDestroy(&s->x));
  PetscCall(VecDestroy(&s->c));
  PetscCall(MatDestroy(&s->G));
  PetscCall(MatDestroy(&s->H));
  PetscCall(VecScatterDestroy(&s->allx));
  PetscCall(VecScatterDestroy(&s->alll));
  PetscCall(VecDestroy(&s->herex));
  PetscCall(VecDestroy(&s->herel));
  PetscFunctionReturn(0);
}
#endif
