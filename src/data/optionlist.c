/*
  optionlist.c - option lists that come from files: /config of a model, metadata of safetensors, NAME.opts beside weights.
  A list from a stranger may describe a map, its losses and its optimizer, and nothing else: no option that loads code, reads
  or writes a file, or prints. Calls neither PETSc nor MPI.
*/
#include "data.h"
#include <string.h>

static int IsKey(const char *s, size_t n) { return n > 1 && s[0] == '-' && ((s[1] >= 'a' && s[1] <= 'z') || (s[1] >= 'A' && s[1] <= 'Z') || s[1] == '_' || s[1] == '-'); }

static int Contains(const char *s, size_t n, const char *word)
{
  const size_t w = strlen(word);

  for (size_t i = 0; i + w <= n; i++)
    if (!memcmp(s + i, word, w)) return 1;
  return 0;
}

/* Families a file may set, and words that give an option away that acts outside of the object. */
static int KeyAllowed(const char *s, size_t n)
{
  static const char *const families[]  = {"-net_", "-constraint_", "-pde_", "-loss_", "-tao_", "-data_normalize_"};
  static const char *const forbidden[] = {"python", "dll", "file", "view", "monitor", "load", "prefix", "history", "dump", "shell", "log_", "path"};
  int                      known       = 0;

  for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) known |= n > strlen(families[i]) && !memcmp(s, families[i], strlen(families[i]));
  for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++)
    if (Contains(s, n, forbidden[i])) return 0;
  for (size_t i = 1; i < n; i++)
    if (!((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= '0' && s[i] <= '9') || s[i] == '_')) return 0;
  return known && n < 128;
}

/* Numbers, words and lists of them; no quotes, no slashes, no '$', '@' or ':' that some option might read as a file. */
static int ValueAllowed(const char *s, size_t n)
{
  for (size_t i = 0; i < n; i++)
    if (!((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') || (s[i] >= '0' && s[i] <= '9') || strchr("_.,+-", s[i]))) return 0;
  return n < 4096 && !Contains(s, n, "..") && !Contains(s, n, "python");
}

/* The next word, comments (# to the end of the line) left out; NULL at the end. */
static const char *NextWord(const char **text, size_t *n)
{
  const char *s = *text;

  for (;;) {
    while (*s == ' ' || *s == '\t' || *s == '\n' || *s == '\r') s++;
    if (*s != '#') break;
    while (*s && *s != '\n') s++;
  }
  *n = strcspn(s, " \t\r\n");
  *text = s + *n;
  return *n ? s : NULL;
}

int NomosOptionListClean(const char label[], const char text[], char clean[], int *dropped, NomosWhy *why)
{
  const char *key, *value, *ahead;
  char       *out = clean;
  size_t      nkey, nvalue;

  *dropped = 0;
  clean[0] = 0;
  for (const char *c = text; *c; c++)
    if (((unsigned char)*c < 32 && *c != '\n' && *c != '\t' && *c != '\r') || (unsigned char)*c > 126) return NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s': the option list holds a byte %d, expected printable ASCII", label, (unsigned char)*c);
  while ((key = NextWord(&text, &nkey))) {
    if (!IsKey(key, nkey)) return NomosWhySet(why, PETSC_ERR_FILE_UNEXPECTED, "'%s': '%.*s' stands in the option list where an option is expected, for example -net_type", label, (int)(nkey < 64 ? nkey : 64), key);
    ahead = text;
    value = NextWord(&ahead, &nvalue);
    if (value && IsKey(value, nvalue)) value = NULL;
    if (value) text = ahead;
    if (!KeyAllowed(key, nkey) || (value && !ValueAllowed(value, nvalue))) {
      ++*dropped;
      continue;
    }
    if (out != clean) *out++ = ' ';
    memcpy(out, key, nkey);
    out += nkey;
    if (value) {
      *out++ = ' ';
      memcpy(out, value, nvalue);
      out += nvalue;
    }
    *out = 0;
  }
  return 0;
}
