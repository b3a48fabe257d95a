# Man pages (section 3) from the blocks /*@ ... @*/ and /*MC ... M*/ of the sources, in plain POSIX awk.
#   awk -v out=FOLDER -v version=0.1.0 -f man.awk FILES
# A block holds: "NAME - one line", paragraphs indented by two spaces, headings "  Heading:" or "  Heading: text", list items
# "+ name - text" (". " and "- " go on), ".seealso:". A function's prototype is taken from the line after its block. A type is
# page nomos-NAME where its name is one that everybody could have, like fno.
function text(s) {
  gsub(/\\/, "\\e", s)
  gsub(/-/, "\\-", s)
  gsub(/`/, "", s)
  if (s ~ /^[.']/) s = "\\&" s
  return s
}
function put(s) { page = page s "\n" }
function heading(s) { put(".SH \"" toupper(s) "\"") }
function flush_page(   file, title) {
  if (name == "") return
  if (is_type) synopsis = ""
  if (formula) put(".fi")
  title = (is_type && name ~ /^[a-z0-9_]+$/) ? "nomos-" name : name
  file = out "/" title ".3"
  print ".TH \"" title "\" 3 \"\" \"Nomos " version "\" \"Nomos\"" > file
  print ".SH NAME" > file
  print text(title " - " summary) > file
  if (synopsis != "") {
    print ".SH SYNOPSIS\n.nf\n" (name ~ /^NomosFortran/ ? "use nomos ! Fortran, on top of" : "#include <nomos.h>") "\n.PP\n" text(synopsis) ";\n.fi" > file
  }
  if (page != "" && page !~ /^\.(SH|PP)/) print ".SH DESCRIPTION" > file
  if (page ~ /^\.PP/) { print ".SH DESCRIPTION" > file; sub(/^\.PP\n/, "", page) }
  printf "%s", page > file
  close(file)
  name = ""
}
FNR == 1 { inside = 0; wait = 0; name = "" }
wait { # the line after a block: a prototype, or not
  wait = 0
  synopsis = $0
  sub(/[ \t]*\{?[ \t]*$/, "", synopsis)
  if (synopsis !~ /\(/) synopsis = ""
  flush_page()
}
!inside && /^\/\*(@C?|MC)[ \t]*$/ {
  inside = 1; is_type = ($0 ~ /MC/); name = ""; page = ""; list = 0; blank = 0; formula = 0; run_on = 0
  next
}
inside && /^(@|M)\*\/[ \t]*$/ {
  inside = 0
  if (is_type) flush_page(); else wait = 1
  next
}
!inside { next }
formula && !/^    / { put(".fi"); formula = 0 }
name == "" {
  line = $0
  sub(/^[ \t]+/, "", line)
  if (line == "") next
  at = index(line, " - ")
  if (!at) { print FILENAME ":" FNR ": a page must begin with 'NAME - one line', found: " line | "cat 1>&2"; bad = 1; inside = 0; next }
  name = substr(line, 1, at - 1)
  summary = substr(line, at + 3)
  first = 1
  next
}
/^\.seealso:/ {
  line = $0
  sub(/^\.seealso:[ \t]*/, "", line)
  gsub(/[`() \t]/, "", line)
  n = split(line, names, ",")
  heading("See also")
  for (i = 1; i <= n; i++) put(".BR " names[i] " (3)" (i < n ? "," : ""))
  first = 0
  next
}
/^[+.-] / {
  line = substr($0, 3)
  at = match(line, / +- /)
  put(".TP")
  if (at) {
    put("\\fB" text(substr(line, 1, at - 1)) "\\fR")
    put(text(substr(line, at + RLENGTH)))
  } else { put("\\fB" text(line) "\\fR") }
  list = 1; blank = 0; first = 0
  next
}
/^[ \t]*$/ { blank = 1; run_on = 0; next }
/^    / && !list && !run_on { # set off: a formula
  if (!formula) put(".nf")
  formula = 1; first = 0; blank = 0
  put(text(substr($0, 3)))
  next
}
/^  [A-Z][A-Za-z ]*:/ && (blank || first || headed) {
  line = $0
  sub(/^  /, "", line)
  at = index(line, ":")
  heading(substr(line, 1, at - 1))
  rest = substr(line, at + 1)
  sub(/^[ \t]+/, "", rest)
  if (rest != "") put(text(rest))
  list = 0; blank = 0; first = 0; headed = 1
  run_on = (rest != "")
  next
}
{
  line = $0
  sub(/^[ \t]+/, "", line)
  if (first) put(".PP")
  else if (blank) { put(".PP"); list = 0 }
  put(text(line))
  first = 0; blank = 0
}
END { if (bad) exit 1 }
