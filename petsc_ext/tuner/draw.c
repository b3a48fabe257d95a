/*
  draw.c - the tuner's random numbers: Philox4x32-10 keyed by the seed, counter (index, tag 9 and stream, round). A number
  depends on the seed, the tuner's name, the round and its index alone; no stream is kept.
*/
#include "tuner.h"
#include "kernels/random.h"

/* 24 bits of the name, so that two tuners of one program draw different numbers. FNV-1a. */
static uint32_t Stream(const char name[])
{
  uint64_t h = 0xcbf29ce484222325u;

  for (; name && *name; name++) h = (h ^ (unsigned char)*name) * 0x100000001b3u;
  return (uint32_t)(h & 0xffffffu);
}

PetscReal NomosTunerUniform(NomosTuner t, PetscInt64 index)
{
  return NomosUniform((uint64_t)t->seed, (uint32_t)t->rounds, NOMOS_RANDOM_TUNER, Stream(t->label), (uint64_t)index);
}

PetscReal NomosTunerNormal(NomosTuner t, PetscInt64 index)
{
  return NomosNormal((uint64_t)t->seed, (uint32_t)t->rounds, NOMOS_RANDOM_TUNER, Stream(t->label), (uint64_t)index);
}
