/*
  signals.c - USR1 and TERM while a training run is active: the handler counts, the run reads the count at its next step.

  A signal that somebody else handles is left alone; PETSc's own handler, which only prints and aborts, is replaced and
  put back. A second signal, at least a second after the first, takes its usual course: the user means now.
*/
#include "problem.h"
#include <signal.h>
#include <time.h>

static volatile sig_atomic_t Count = 0;
static volatile time_t       First = 0;
static int                   Users = 0;
static struct sigaction      Old[2];
static int                   Taken[2] = {0, 0};
static const int             Number[2] = {SIGUSR1, SIGTERM};

static void Handler(int sig)
{
  const time_t now = time(NULL);

  if (Count && now > First + 1) {
    signal(sig, SIG_DFL);
    raise(sig);
    return;
  }
  if (!Count) First = now;
  Count = 1;
}

/* Nobody's, or the one function that PETSc installs for every signal. */
static PetscBool Free(const struct sigaction *now)
{
  struct sigaction petsc;

  if (now->sa_flags & SA_SIGINFO) return PETSC_FALSE;
  if (now->sa_handler == SIG_DFL) return PETSC_TRUE;
  return !sigaction(SIGSEGV, NULL, &petsc) && !(petsc.sa_flags & SA_SIGINFO) && petsc.sa_handler != SIG_DFL && petsc.sa_handler == now->sa_handler ? PETSC_TRUE : PETSC_FALSE;
}

/* which: 0 USR1, 1 TERM, 2 both, 3 none */
PetscErrorCode NomosSignalsBegin(PetscInt which)
{
  struct sigaction mine;

  PetscFunctionBegin;
  if (Users++) PetscFunctionReturn(PETSC_SUCCESS);
  Count = 0;
  for (int i = 0; i < 2; i++) {
    Taken[i] = 0;
    if (which == 3 || which == 1 - i) continue;
    if (sigaction(Number[i], NULL, &Old[i]) || !Free(&Old[i])) continue;
    memset(&mine, 0, sizeof(mine));
    mine.sa_handler = Handler;
    mine.sa_flags   = SA_RESTART;
    sigemptyset(&mine.sa_mask);
    Taken[i] = !sigaction(Number[i], &mine, NULL);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode NomosSignalsEnd(void)
{
  PetscFunctionBegin;
  if (!Users || --Users) PetscFunctionReturn(PETSC_SUCCESS);
  for (int i = 0; i < 2; i++)
    if (Taken[i]) sigaction(Number[i], &Old[i], NULL);
  Count = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

int NomosSignalsCount(void)
{
  return (int)Count;
}
