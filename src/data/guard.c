/*
  guard.c - what every reader of a stranger's file checks first: reasons, names, shapes, sums. Calls neither PETSc nor MPI.
*/
#include "data.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int NomosWhySet(NomosWhy *why, int code, const char format[], ...)
{
  va_list args;
  char   *c;

  if (why->code) return why->code; /* the first reason is the cause, later ones are consequences */
  why->code = code;
  va_start(args, format);
  vsnprintf(why->text, sizeof(why->text), format, args);
  va_end(args);
  for (c = why->text; *c; c++) /* names come from strangers' files: nothing that steers a terminal */
    if ((unsigned char)*c < 32 || (unsigned char)*c > 126) *c = '?';
  return code;
}

int NomosCheckName(const char name[])
{
  size_t n = strlen(name);

  if (!n || n >= NOMOS_MAX_NAME || !strcmp(name, ".") || strstr(name, "..")) return 0;
  for (; *name; name++)
    if (!((*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') || (*name >= '0' && *name <= '9') || *name == '_' || *name == '.' || *name == '-')) return 0;
  return 1;
}

int NomosShapeCount(int rank, const int64_t shape[], int64_t *count)
{
  *count = 1;
  if (rank < 0 || rank > NOMOS_MAX_RANK) return 1;
  for (int i = 0; i < rank; i++) {
    if (shape[i] < 1 || shape[i] > ((int64_t)1 << 40)) return 1;
    if (__builtin_mul_overflow(*count, shape[i], count) || *count > INT64_MAX / 16) return 1; /* 16: bytes stay countable too */
  }
  return 0;
}

/* splitmix64, Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014) */
uint64_t NomosMix(uint64_t z)
{
  z += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

/* S = sum_i mix(bits(v_i) + mix(i)) mod 2^64: independent of order and of ranks, and a swap of two values changes it.
   bits(): the value as stored, filled up with zeros to 64 bits. */
uint64_t NomosSum(const void *values, int size, int64_t first, int64_t n)
{
  uint64_t s = 0;

  for (int64_t i = 0; i < n; i++) {
    uint64_t bits = 0;

    memcpy(&bits, (const char *)values + i * size, (size_t)size); /* little-endian, as every machine PETSc runs on today */
    s += NomosMix(bits + NomosMix((uint64_t)(first + i)));
  }
  return s;
}
