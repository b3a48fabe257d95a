#!/usr/bin/env bash
# ./run bench newton [ARGUMENTS]: constrained optimizers on the same problems in one run, as key=value.
#   without arguments   the developer set and PDE-N at N = 15, 31, 63 by sketchnewton, TAOALMM, TAOPDIPM (MUMPS), Ipopt and ROL, one after
#                       another on one core; PDE-N on two ranks for the counts of reductions; TAOALMM at its own tolerance; the mesh
#   -bench_case ...     one case of bench/newton.c, without Ipopt and ROL
# Ipopt and ROL are Debian packages. They are installed here if they can be, and left out with a word if not: nothing else needs them.
set -euo pipefail
build=$1; shift
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_mpi_yield_when_idle=1
if [ $# -gt 0 ]; then exec "$build/bench/newton" "$@"; fi

installed() { dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed; }
get() { # get NAME PACKAGES: true if they are there now
  local name=$1 p missing=() sudo=()
  shift
  for p in "$@"; do installed "$p" || missing+=("$p"); done
  [ ${#missing[@]} -gt 0 ] || return 0
  [ "$(id -u)" = 0 ] || sudo=(sudo -n)
  echo "# installing ${missing[*]}"
  { "${sudo[@]}" apt-get update -qq && "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}"; } >/dev/null 2>&1 ||
    { echo "# $name is left out: could not install ${missing[*]}"; return 1; }
}
# what the library was built with; a PETSc in a prefix is found by the variables of ./run
[ -z "${PETSC_DIR:-}" ] || export PKG_CONFIG_PATH="$PETSC_DIR/${PETSC_ARCH:-}/lib/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}"
petsc=$(pkg-config --exists PETSc && echo PETSc || echo petsc)
compile=$(mpicc --showme:compile) link="-L$build/lib -lnomos -Wl,-rpath,$(realpath "$build")/lib $(mpicc --showme:link) $(pkg-config --libs "$petsc") -Wl,-rpath,$(pkg-config --variable=libdir "$petsc")" flags="-O2 -Isrc -I$build/include -I$build/generated $(pkg-config --cflags "$petsc")"
peers=()
# shellcheck disable=SC2086
build_peer() { # build_peer NAME COMPILER SOURCE OPTIONS LIBRARIES
  local name=$1 compiler=$2 source=$3 options=$4 libraries=$5
  "${CC:-cc}" $flags $compile -c tests/bench/peers/problem.c -o "$build/bench/problem.o" &&
    "$compiler" $options "$source" "$build/bench/problem.o" -o "$build/bench/$name" $link $libraries -lm && peers+=("$name") ||
    echo "# $name is left out: it does not compile"
}
if get Ipopt coinor-libipopt-dev; then build_peer ipopt "${CC:-cc}" tests/bench/peers/ipopt.c -O2 -lipopt; fi
if get ROL g++ libtrilinos-rol-dev libtrilinos-teuchos-dev libtrilinos-kokkos-dev; then
  build_peer rol g++ tests/bench/peers/rol.cpp "-O2 -std=c++14 -w -I/usr/include/trilinos" "-ltrilinos_rol -ltrilinos_teuchosparameterlist -ltrilinos_teuchosnumerics -ltrilinos_teuchoscore"
fi

echo "# developer set, KKT residual 1e-8 (TAOALMM stops by its own test)"
"$build/bench/newton" -types sketchnewton,almm,pdipm
echo "# PDE-N"
"$build/bench/newton" -bench_case control -N 15,31,63 -peer_n 63 -types sketchnewton,pdipm
for peer in ${peers[@]+"${peers[@]}"}; do
  echo "# $peer"
  "$build/bench/$peer" -N 15,31,63
done
echo "# PDE-N, N = 15, tolerance 1e-5"
"$build/bench/newton" -bench_case almm -types sketchnewton,almm
echo "# two ranks"
mpiexec -n 2 "$build/bench/newton" -bench_case control -N 15,31,63 -peer_n 63 -types sketchnewton,pdipm
mpiexec -n 2 "$build/bench/newton" -bench_case almm -types sketchnewton,almm
echo "# L-shape, refined 0 to 3 times"
"$build/bench/newton" -bench_case mesh -types sketchnewton
