#!/usr/bin/env bash
# ./run petsc PREFIX: PETSc 3.26.1 with CUDA and the system's Open MPI, from PyPI's source package. Neither a GPU nor a driver is needed.
# Goes on where it stopped. CUDA_HOME (/usr/local/cuda), CUDA_ARCH (90), NOMOS_JOBS (all cores).
set -euo pipefail
version=3.26.1
prefix=$1
die() { echo "run petsc: $*" >&2; exit 1; }

cuda=${CUDA_HOME:-/usr/local/cuda}
[ -x "$cuda/bin/nvcc" ] || die "no nvcc in $cuda/bin: set CUDA_HOME"
jobs=${NOMOS_JOBS:-$(env -u OMP_NUM_THREADS nproc)}
if [ -f "$prefix/lib/pkgconfig/PETSc.pc" ]; then
  found=$(PKG_CONFIG_PATH=$prefix/lib/pkgconfig pkg-config --modversion PETSc)
  [ "$found" = "$version" ] || die "$prefix already holds PETSc $found"
  echo "run petsc: PETSc $version is already in $prefix"
  exit 0
fi
[ ! -e "$prefix" ] || [ -z "$(ls -A "$prefix")" ] || die "$prefix is not empty and holds no PETSc"

work=$prefix.build
mkdir -p "$work"
src=$work/petsc-$version
if [ ! -f "$src/configure" ]; then
  # --no-binary petsc alone: ':all:' would also build pip's own tools from source
  python3 -m pip download -q --no-deps --no-binary petsc -d "$work" "petsc==$version" || die "cannot fetch the source: is this machine offline?"
  tar -xzf "$work/petsc-$version.tar.gz" -C "$work"
fi
cd "$src"
unset PETSC_DIR PETSC_ARCH CFLAGS CXXFLAGS LDFLAGS MAKEFLAGS
arch=arch-nomos
if [ ! -f "$arch/lib/petsc/conf/petscvariables" ]; then
  # --as-needed: configure links the toolkit's stub of the driver, which no program may need to start.
  # --with-make-load: the default stalls make on a machine with other work.
  ./configure PETSC_ARCH=$arch --prefix="$prefix" --with-cc=mpicc --with-cxx=mpicxx --with-fc=0 \
    --with-debugging=0 COPTFLAGS=-O2 CXXOPTFLAGS=-O2 CUDAOPTFLAGS=-O2 \
    --with-cuda=1 --with-cudac="$cuda/bin/nvcc" --with-cuda-arch="${CUDA_ARCH:-90}" LDFLAGS=-Wl,--as-needed \
    --with-blaslapack-lib="-llapack -lblas" --with-x=0 --with-ssl=0 --with-make-np="$jobs" --with-make-load=1000 ||
    die "configure failed: see $src/configure.log"
fi
# CUDA_PETSC_GENDEPS: no dependency files for a build that happens once
make PETSC_DIR="$src" PETSC_ARCH=$arch CUDA_PETSC_GENDEPS=true V=0 all
make PETSC_DIR="$src" PETSC_ARCH=$arch install
strip --strip-unneeded "$(readlink -f "$prefix/lib/libpetsc.so")"
if readelf -d "$prefix/lib/libpetsc.so" | grep -E 'NEEDED.*(libcuda\.so|libnvidia-ml)'; then die "libpetsc.so needs the driver"; fi
cd /
rm -rf "$work"
echo "run petsc: PETSc $version is in $prefix; now ./run test --petsc $prefix"
