/* A device without one: libnomoscuda.so for tests. Its memory can be touched only while a function of its table runs, so that
   the host reading or writing device memory ends the program; a pointer into other memory among a kernel's arguments is an
   error. Sweeps run as on a device, in the worst order: pieces from the last to the first, the rows of a level likewise, the
   lanes of a row one after another, the one that writes at the end. */
#define NOMOS_PRECISION 64
#define NOMOS_TABLE_ONLY 1
static double Parts[4]; /* of the sums of a row, from the lanes that have been there */
static int    Next;
static inline double LaneSum(double v, int lanes)
{
  return Parts[Next++] += v;
}
#define NomosLaneSum LaneSum
#include <backend/backend.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ARENA ((size_t)1 << 30)
static char  *Arena;
static size_t Used;
static int    Live, Inside;
static char   Text[256];

static void Enter(void)
{
  if (!Inside++) mprotect(Arena, Used, PROT_READ | PROT_WRITE);
}
static int Leave(int code)
{
  if (!--Inside && Used) mprotect(Arena, Used, PROT_NONE);
  return code;
}
static int Ours(const void *p)
{
  return (const char *)p >= Arena && (const char *)p < Arena + Used;
}

static int Open(void **ctx, char *why, size_t len)
{
  if (getenv("NOMOS_FAKE_REFUSES")) { /* a machine without a device among others that have one */
    snprintf(why, len, "this rank's device refuses");
    return NOMOS_ERR_MEM;
  }
  Arena = (char *)mmap(NULL, ARENA, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  Used  = 0;
  if (Arena == MAP_FAILED) return NOMOS_ERR_MEM;
  return NomosHostTable.open(ctx, why, len);
}
static int Close(void *ctx)
{
  if (Live) fprintf(stderr, "FAILED: %d buffers of the device were not released\n", Live);
  if (Live) abort();
  munmap(Arena, ARENA);
  return NomosHostTable.close(ctx);
}
static const char *Message(void *ctx, int code)
{
  return Text[0] ? Text : NomosHostTable.message(ctx, code);
}
static int Describe(void *ctx, char *text, size_t len)
{
  snprintf(text, len, "a device of a test");
  return NOMOS_OK;
}
static int Alloc(void *ctx, size_t bytes, void **p)
{
  const size_t size = (bytes + 4095 + 64) / 4096 * 4096;

  if (Used + size > ARENA) return NOMOS_ERR_MEM;
  *p = Arena + Used;
  Used += size;
  Live++;
  Enter();
  memset(*p, 0xff, bytes); /* NaN: nothing may rely on what was there */
  return Leave(NOMOS_OK);
}
static int Release(void *ctx, void *p)
{
  if (!Ours(p)) return NOMOS_ERR_ARG;
  Live--;
  return NOMOS_OK;
}
static int Copy(void *ctx, void *dst, const void *src, size_t bytes, int kind)
{
  if (Ours(dst) != (kind != 2) || Ours(src) != (kind != 1)) {
    snprintf(Text, sizeof(Text), "a copy of kind %d between the wrong memories", kind);
    return NOMOS_ERR_LIB;
  }
  Enter();
  memcpy(dst, src, bytes);
  return Leave(NOMOS_OK);
}
static int Zero(void *ctx, void *p, size_t bytes)
{
  if (!Ours(p)) return NOMOS_ERR_ARG;
  Enter();
  memset(p, 0, bytes);
  return Leave(NOMOS_OK);
}

/* Words that look like addresses of this process must be ours. Numbers do not look like that; a small integer may, with what
   happens to be in the padding above it. */
static int Foreign(const char *kernel, const void *args, size_t size)
{
  for (size_t i = 0; i + 8 <= size; i += 8) {
    uintptr_t w;
    memcpy(&w, (const char *)args + i, 8);
    if (w < 0x550000000000u || w > 0x7fffffffffffu || (w & 0xffffffffu) < 65536 || Ours((const void *)w)) continue;
    snprintf(Text, sizeof(Text), "argument %d of kernel %s points into the host's memory", (int)(i / 8), kernel);
    return NOMOS_ERR_LIB;
  }
  return NOMOS_OK;
}

#define NOMOS_SWEEP(K, BACK) \
  static void Lanes_##K(PetscInt r, K##Args k) \
  { \
    memset(Parts, 0, sizeof(Parts)); \
    for (int lane = k.piece.lanes - 1; lane >= 0; lane--) Next = 0, K##Row(r, lane, k.piece.lanes, k); \
  } \
  static int Sweep_##K(PetscInt n, const void *args) \
  { \
    const K##Args k = *(const K##Args *)args; \
    const int     l = k.piece.lanes, t = k.piece.threads; \
    if ((l != 1 && l != 4 && l != 8 && l != 32) || (k.piece.group ? t < 32 || t > 1024 || t % 32 : k.piece.size != 1)) return NOMOS_ERR_ARG; \
    for (PetscInt i = n - 1; i >= 0; i--) { \
      const PetscInt from = k.piece.group ? k.piece.group[k.piece.first + i] : 0, to = k.piece.group ? k.piece.group[k.piece.first + i + 1] : 0; \
      if (!k.piece.group) Lanes_##K(k.piece.first + i, k); \
      for (PetscInt j = 0; j < to - from; j++) { \
        const PetscInt level = BACK ? to - 1 - j : from + j; \
        for (PetscInt r = k.piece.level[level + 1] - 1; r >= k.piece.level[level]; r--) Lanes_##K(r, k); \
      } \
    } \
    return NOMOS_OK; \
  }
#include <kernels/list.h>

static const struct {
  const char *name;
  size_t      size;
  int (*sweep)(PetscInt, const void *);
} Each_[NOMOS_NUM_EACH] = {
#define NOMOS_EACH(K)        [NOMOS_EACH_##K] = {#K, sizeof(K##Args), NULL},
#define NOMOS_EXACT(K)       [NOMOS_EACH_##K] = {#K, sizeof(K##Args), NULL},
#define NOMOS_SWEEP(K, BACK) [NOMOS_EACH_##K] = {#K, sizeof(K##Args), Sweep_##K},
#include <kernels/list.h>
};
static const struct {
  const char *name;
  size_t      size;
} Sum_[NOMOS_NUM_SUM] = {
#define NOMOS_SUM(K) [NOMOS_SUM_##K] = {#K, sizeof(K##Args)},
#include <kernels/list.h>
};

static int Each(void *ctx, int precision, int kernel, PetscInt n, const void *args)
{
  const int code = Foreign(Each_[kernel].name, args, Each_[kernel].size);

  if (code) return code;
  Enter();
  return Leave(Each_[kernel].sweep ? Each_[kernel].sweep(n, args) : NomosHostTable.each(ctx, precision, kernel, n, args));
}
static int Sum(void *ctx, int precision, int kernel, PetscInt m, PetscInt n, const void *args, int add, double *out)
{
  const int code = Foreign(Sum_[kernel].name, args, Sum_[kernel].size);

  if (code) return code;
  if (!Ours(out)) return NOMOS_ERR_ARG;
  Enter();
  return Leave(NomosHostTable.sum(ctx, precision, kernel, m, n, args, add, out));
}
static int Sync(void *ctx)
{
  return NOMOS_OK;
}

/* what sweeps do not need is not there */
__attribute__((visibility("default"))) const NomosBackendTable NomosCudaTable = {.abi = NOMOS_BACKEND_ABI, .size = sizeof(NomosBackendTable), .name = "cuda", .open = Open, .close = Close, .message = Message, .describe = Describe, .alloc = Alloc, .release = Release, .copy = Copy, .zero = Zero, .sync = Sync, .each = Each, .sum = Sum};
