#!/usr/bin/env bash
# The program `nomos` as a user types it: program.sh PART NOMOS SOURCE [MPIEXEC...]. Parts: jobs, files, trained, wrong, ranks, killed, disk. Works in the
# current folder. With MPIEXEC the same commands run on its ranks.
set -uo pipefail
part=$1 nomos=$2 src=$3
shift 3
run=("$@" "$nomos")
data=$src/examples/data
failed=0 checks=0

fail() { echo "FAILED: $*" >&2; failed=1; }
# expect TEXT COMMAND...: exit status 0, and a line of the output that holds TEXT (an extended regular expression)
expect() {
  local text=$1 out status
  shift
  checks=$((checks + 1))
  out=$("$@" 2>&1); status=$?
  [ $status -eq 0 ] || { fail "status $status of: $*"; echo "$out" >&2; return; }
  grep -Eq -- "$text" <<<"$out" || { fail "no '$text' from: $*"; echo "$out" >&2; }
}
# refuse TEXT COMMAND...: status 1, one sentence that begins with "nomos: " and holds TEXT, no trace, no crash
refuse() {
  local text=$1 out status
  shift
  checks=$((checks + 1))
  out=$("$@" 2>&1); status=$?
  [ $status -eq 1 ] || fail "status $status, wanted 1, of: $*"
  grep -Eq -- "^nomos: .*($text)" <<<"$out" || { fail "no sentence with '$text' from: $*"; echo "$out" >&2; }
  if grep -Eq -- "PETSC ERROR|Segmentation|Caught signal" <<<"$out"; then fail "more than a sentence from: $*"; echo "$out" >&2; fi
}
value() { sed -n "s/.*$1.* $2=\([-0-9.e]*\).*/\1/p" | tail -n 1; }
# below NAME VALUE BOUND, near NAME VALUE WANTED RELATIVE
below() { checks=$((checks + 1)); awk -v v="$2" -v b="$3" 'BEGIN { exit !(v != "" && v + 0 <= b) }' || fail "$1 is '$2', wanted at most $3"; }
near() { checks=$((checks + 1)); awk -v v="$2" -v w="$3" -v t="$4" 'BEGIN { d = v - w; if (d < 0) d = -d; exit !(v != "" && d <= t * w) }' || fail "$1 is '$2', wanted $3"; }

case $part in
jobs) # generate, train, predict, info, check in the forms of the documentation
  expect '' "${run[@]}" generate -pde_type darcy -pde_grid 16,16 -data_samples 24 -nomos_seed 1 -o darcy.h5
  expect 'data set nomos-dataset/1, samples=24 grid=16x16' "$nomos" info darcy.h5
  expect '^  options: -pde_type darcy .*-pde_darcy_mean harmonic' "$nomos" info darcy.h5
  expect '^  seed 1$' "$nomos" info darcy.h5
  expect '' "${run[@]}" generate -pde_type darcy -pde_grid 16,16 -data_samples 4 -data_first 20 -nomos_seed 1 -o part.h5
  expect '' "${run[@]}" generate -pde_type darcy -pde_grid 24,24 -data_samples 6 -nomos_seed 2 -o fine.h5
  expect '^trained steps=6 epochs=2 f=[0-9.]+ seconds=.* step_ms=' "${run[@]}" train -net_type fno -net_fno_modes 6,6 -net_fno_width 8 -data darcy.h5 -data_batch 8 -data_epochs 2 -data_test fine.h5 \
    -o model.h5 -nomos_history h.csv -nomos_progress none
  expect 'model nomos-checkpoint/1' "$nomos" info model.h5
  expect '^fine.h5 samples=6 grid=24x24 rel_l2=[0-9.]+ rel_h1=[0-9.]+ rel_hm1=[0-9.]+ rel_h1fd=' "${run[@]}" predict -model model.h5 -data fine.h5 -o pred.h5 -report report.csv
  expect 'samples=6' "$nomos" check pred.h5
  for f in h.csv report.csv model_pictures/loss.png model_pictures/errors.png model_pictures/fine.png pred_pictures/fine.png pred.xdmf; do [ -s $f ] || fail "no $f"; done
  [ "$(head -n 1 h.csv | cut -d, -f1-10)" = step,time_s,f,gnorm,cnorm,lr,evals,samples,epoch,test1_rel_l2 ] || fail "columns of the history: $(head -n 1 h.csv)"
  # curves from lines of JSON as well, the same picture
  expect '^trained steps=6 ' "${run[@]}" train -net_type fno -net_fno_modes 6,6 -net_fno_width 8 -data darcy.h5 -data_batch 8 -data_epochs 2 -data_test fine.h5 -o lines.h5 -nomos_history h.jsonl -nomos_progress none -nomos_deterministic
  expect '^trained steps=6 ' "${run[@]}" train -net_type fno -net_fno_modes 6,6 -net_fno_width 8 -data darcy.h5 -data_batch 8 -data_epochs 2 -data_test fine.h5 -o table.h5 -nomos_progress none -nomos_deterministic
  for f in loss errors; do cmp lines_pictures/$f.png table_pictures/$f.png || fail "$f.png from .jsonl is not that from .csv"; done
  [ "$(wc -l <report.csv)" -eq 7 ] || fail "rows of the report"
  for verb in generate train predict info check; do expect "nomos $verb" "$nomos" $verb -help; done
  # -help is complete (the names of the options page), and the page of the program knows every name that it shows
  train_help=$("$nomos" train -help)
  for o in data data_test data_input data_output data_first data_samples data_batch data_epochs data_order data_symmetry data_normalize_input data_normalize_output data_cache data_time data_allow_nan model o pictures \
    nomos_keep_best nomos_seed nomos_backend nomos_history nomos_checkpoint nomos_checkpoint_interval nomos_checkpoint_keep nomos_restart nomos_max_walltime nomos_signal nomos_deterministic nomos_progress nomos_strict map_check \
    net_type net_channels_in net_channels_out net_precision net_fno_modes net_fno_width net_fno_layers net_fno_block net_fno_layout net_fno_fft_norm net_fno_factorization net_fno_rank net_fno_norm net_fno_padding net_fno_padding_mode \
    net_fno_lifting_ratio net_fno_projection_ratio net_fno_mlp_expansion net_fno_embedding net_fno_separable net_fno_stabilizer net_fno_shift net_fno_conv loss_type loss_weights loss_sobolev_s loss_sobolev_alpha loss_relative \
    loss_reduction loss_units tao_type tao_adamw_lr tao_adamw_beta1 tao_adamw_beta2 tao_adamw_eps tao_adamw_wd tao_adamw_complex tao_adamw_l2 tao_adamw_form tao_clip tao_schedule_type tao_schedule_length tao_schedule_unit tao_nan_policy; do
    checks=$((checks + 1))
    grep -q -- "^ *-$o[ :<]" <<<"$train_help" || fail "train -help does not show -$o"
  done
  # each once; a number's line says what it may be (the net's own, PETSc's and any seed apart)
  for verb in generate train predict info check; do
    twice=$("$nomos" $verb -help | sed -n 's/^ *\(-[a-z0-9_]*\)[ :<].*/\1/p' | sort | uniq -d)
    [ -z "$twice" ] || fail "$verb -help shows twice: $twice"
    bare=$("$nomos" $verb -help | grep -E '^ *-[a-z0-9_]+ <[-0-9.e+]+>' | grep -v -E 'not negative|or more|positive|\[0,1\)|\(0,1\)|at least|[0-9] to [0-9]|-tao_max_it|-nomos_seed')
    [ -z "$bare" ] || fail "$verb -help gives no range: $bare"
  done
  for o in $(for verb in generate train predict info check; do "$nomos" $verb -help; done | sed -n 's/^ *\(-[a-z0-9_]*\)[ :<].*/\1/p' | sort -u); do
    checks=$((checks + 1))
    grep -q -- "\`$o\`" "$src/docs/program.md" || fail "docs/program.md does not name $o"
  done
  # the self-check of the net that is trained
  expect '^map_check: net fno adjoint [0-9.e-]* taylor (2\.0|1\.9)' "${run[@]}" train -map_check -net_type fno -net_fno_modes 6,6 -net_fno_width 8 -data darcy.h5 -data_epochs 1 -o checked.h5 -pictures none -nomos_progress none
  expect 'fno' "$nomos" info darcy.h5 -nomos_list
  # PETSc's viewers and its log: the net as text and as a model; the stage of training with its events, no copies to or from a GPU in it
  expect '^trained steps=3 ' "${run[@]}" train -net_type fno -net_fno_modes 6,6 -net_fno_width 8 -data darcy.h5 -data_batch 8 -data_epochs 1 -o viewed.h5 -net_view hdf5:view.h5 -pictures none -nomos_progress none -log_view :log.txt
  expect '^fine.h5 samples=6 ' "$nomos" predict -model view.h5 -data fine.h5
  [ "$("$nomos" predict -model view.h5 -data fine.h5)" = "$("$nomos" predict -model viewed.h5 -data fine.h5)" ] || fail "-net_view hdf5: is not the model"
  expect '' "${run[@]}" train -net_type fno -net_fno_modes 6,6 -net_fno_width 8 -data darcy.h5 -data_batch 8 -data_epochs 1 -o viewed.h5 -net_view ascii:net.txt -pictures none -nomos_progress none
  expect 'grid 16x16|parameters .real count. in' cat net.txt
  stage=$(sed -n '/^--- Event Stage [0-9]*: Nomos train/,/^--- Event Stage [0-9]*: [^N]/p' log.txt)
  for e in NomosFwd NomosAdj NomosLoss NomosUpd NomosFFT NomosGemm NomosModes; do grep -q "^$e  *[1-9]" <<<"$stage" || fail "no $e in the stage Nomos train of -log_view"; done
  # on a terminal a bar that is drawn over itself, elsewhere lines
  if command -v script >/dev/null; then
    expect $'\r\\[#+\\.*\\] [0-9]+/1200 f=[0-9.e+-]+ [0-9.]+ steps/s [0-9]+ s left' script -qec "$nomos train -net_type fno -net_fno_modes 6,6 -net_fno_width 8 -data darcy.h5 -data_batch 8 -data_epochs 400 -o bar.h5 -pictures none" /dev/null
  fi
  ;;
files) # what the files of a run are: independent of ranks, ranges and order; several inputs; damage and contradictions
  sums() { "$nomos" info "$1" | grep -o 'sum [0-9a-f]* verified'; }
  make() { "${run[@]}" generate -pde_type darcy -pde_grid 12,12 -nomos_seed 3 "$@" >/dev/null || fail "generate $*"; }
  make -data_samples 7 -o seven.h5
  "$nomos" generate -pde_type darcy -pde_grid 12,12 -nomos_seed 3 -data_samples 7 -o again.h5 >/dev/null || fail "generate on one rank"
  [ "$(sums seven.h5)" = "$(sums again.h5)" ] || fail "samples depend on the ranks"
  make -data_samples 2 -data_first 5 -o part.h5
  [ "$(sums seven.h5)" != "$(sums part.h5)" ] || fail "-data_first changes nothing"
  # samples 5 and 6, made alone, are those of the whole: the same errors from the same model
  small=(-net_type fno -net_fno_modes 4,4 -net_fno_width 6 -net_fno_layers 2 -data_epochs 1 -nomos_progress none -pictures none)
  expect '^trained steps=2 ' "${run[@]}" train "${small[@]}" -data seven.h5 -data_batch 4 -o small.h5
  "${run[@]}" predict -model small.h5 -data seven.h5,part.h5 -o out.h5 -report rows.csv -pictures none >/dev/null || fail "predict of two files"
  for f in out_seven.h5 out_part.h5 out_seven.xdmf out_part.xdmf; do [ -s $f ] || fail "no $f"; done
  [ "$(wc -l <rows.csv)" -eq 10 ] || fail "the report has $(wc -l <rows.csv) lines, wanted 1 + 7 + 2"
  # the batch of a single-precision net holds other neighbours: equal to a few roundings
  for i in 0 1; do near "sample $((5 + i)) made alone" "$(sed -n "s/^part.h5,$i,\\([^,]*\\),.*/\\1/p" rows.csv)" "$(sed -n "s/^seven.h5,$((5 + i)),\\([^,]*\\),.*/\\1/p" rows.csv)" 1e-5; done
  # what is typed beats the options file, on either side of it; a misspelt name is named and does not stop the run
  printf '%s\n' -data_batch\ 7 -data_epochs\ 3 >run.opts
  expect '^trained steps=4 epochs=2 ' "${run[@]}" train "${small[@]}" -data_epochs 2 -data_batch 4 -options_file run.opts -data seven.h5 -o small2.h5
  expect '^trained steps=2 epochs=2 ' "${run[@]}" train "${small[@]}" -options_file run.opts -data_epochs 2 -data seven.h5 -o small2.h5
  expect 'did you mean -data_batch' "${run[@]}" train "${small[@]}" -data_bacth 2 -data seven.h5 -o small2.h5
  refuse 'nomos_strict' "${run[@]}" train "${small[@]}" -data_bacth 2 -nomos_strict -data seven.h5 -o small2.h5
  # names of the optimizer and of the program itself as well; PETSc's own, also those it asks for at the very end, and other verbs' are not
  said=$("${run[@]}" train "${small[@]}" -tao_adamw_lrr 1 -tao_adam_lr 1 -tao_schedul_type step -tau_clip 1 -tao_max_itt 1 -repport x -opitons_file x -nomos_strict -data seven.h5 -o small2.h5 2>&1) && fail "mistyped names and -nomos_strict"
  for pair in tao_adamw_lrr:tao_adamw_lr tao_adam_lr:tao_adamw_lr tao_schedul_type:tao_schedule_type tau_clip:tao_clip tao_max_itt:tao_max_it repport:report opitons_file:options_file; do
    checks=$((checks + 1))
    grep -q "option -${pair%%:*} is unknown and was not used; did you mean -${pair#*:}?" <<<"$said" || fail "-${pair%%:*} was not named: $said"
  done
  refuse 'nomos_strict' "${run[@]}" train "${small[@]}" -frobnicate 1 -nomos_strict -data seven.h5 -o small2.h5
  [ -z "$("${run[@]}" train "${small[@]}" -nomos_strict -data seven.h5 -o small2.h5 -malloc_dump -log_view :strict.log -objects_dump -tao_view :strict.txt -tao_nls_ksp_type cg -report x.csv -pde_type darcy 2>&1 >/dev/null)" ] || fail "-nomos_strict speaks of options that are PETSc's or another verb's"
  # a word that belongs to no option is not passed over
  refuse 'part.h5.* belongs to no option.*commas' "${run[@]}" predict -model small.h5 -data seven.h5 part.h5
  refuse 'belongs to no option' "${run[@]}" train seven.h5 "${small[@]}" -o small2.h5
  refuse 'one file' "$nomos" info seven.h5 part.h5
  expect 'PyTorch|safetensors, tensors=' "$nomos" info "$src/tests/golden/fno2d.safetensors"
  # a model in safetensors carries its options
  "${run[@]}" train "${small[@]}" -data seven.h5 -data_batch 4 -o small.safetensors >/dev/null || fail "train into safetensors"
  expect '^seven.h5 samples=7 grid=12x12 rel_l2=' "${run[@]}" predict -model small.safetensors -data seven.h5
  # refused: what is there stays as it is
  cp small.h5 damaged.h5 && printf 'x' | dd of=damaged.h5 bs=1 seek=20000 conv=notrunc status=none
  before=$(cksum <small.h5)
  refuse 'damaged.h5' "${run[@]}" predict -model damaged.h5 -data seven.h5
  refuse 'width' "${run[@]}" predict -model small.h5 -data seven.h5 -net_fno_width 7
  refuse 'axes' "${run[@]}" predict -model small.h5 -data "$data/burgers16_test.h5"
  refuse 'options file' "${run[@]}" train -options_file gone.opts -data seven.h5 -o small.h5
  refuse 'data_batch' "${run[@]}" train "${small[@]}" -data_batch few -data seven.h5 -o small.h5
  refuse 'same grid' "${run[@]}" train "${small[@]}" -data "seven.h5,$data/darcy32_test.h5" -o small.h5
  refuse 'has 7 samples' "${run[@]}" train "${small[@]}" -data seven.h5 -data_samples 70 -o small.h5
  refuse 'diverged' "${run[@]}" train "${small[@]}" -data seven.h5 -data_batch 1 -data_epochs 40 -tao_adamw_lr 1e300 -o small.h5
  refuse "first in block 'lifting.fcs.0.weight'" "${run[@]}" train "${small[@]}" -data seven.h5 -data_batch 1 -data_epochs 40 -tao_adamw_lr 1e300 -o small.h5
  refuse 'written' "${run[@]}" predict -model small.h5 -data seven.h5 -report none/rows.csv
  # a finished file takes the place of what has its name: never that of a device or a pipe; an older report stays until the new one is whole
  [ -p pipe.h5 ] || mkfifo pipe.h5
  refuse 'pipe.h5.*device or a pipe' "${run[@]}" train "${small[@]}" -data seven.h5 -o pipe.h5
  refuse 'pipe.h5.*device or a pipe' "${run[@]}" predict -model small.h5 -data seven.h5 -o pipe.h5
  refuse 'pipe.h5.*device or a pipe' "${run[@]}" generate -pde_type darcy -pde_grid 8,8 -data_samples 1 -o pipe.h5
  [ -p pipe.h5 ] || fail "the pipe was replaced"
  echo old >old.csv
  refuse 'axes' "${run[@]}" predict -model small.h5 -data "seven.h5,$data/burgers16_test.h5" -report old.csv
  [ "$(cat old.csv)" = old ] || fail "a refused prediction cost the older report"
  if compgen -G '*.csv.part' >/dev/null; then fail "a report's .part was left"; fi
  refuse 'no /input|no field' "${run[@]}" predict -model small.h5 -data seven.h5 -data_input permeability
  [ "$before" = "$(cksum <small.h5)" ] || fail "a refused run changed the model"
  python=
  for python in python3 /usr/bin/python3 none; do "$python" -c 'import h5py' 2>/dev/null && break; done
  if [ $python = none ]; then echo "no Python with h5py: files that are no data sets were not made"; else
    "$python" -c 'import h5py,shutil; shutil.copy("seven.h5","nan.h5"); f=h5py.File("nan.h5","r+"); d=f["output/u"]; v=d[...]; v[2,0,3,3]=float("nan"); del f["output/u"]; f["output/u"]=v'
    refuse 'NaN' "${run[@]}" train "${small[@]}" -data nan.h5 -o small.h5
    refuse 'NaN' "$nomos" check nan.h5
    # a target that is nothing: said once, by the rank that sees it
    "$python" -c 'import h5py,shutil; shutil.copy("seven.h5","nothing.h5"); f=h5py.File("nothing.h5","r+"); d=f["output/u"]; v=d[...]; v[2]=0; del f["output/u"]; f["output/u"]=v'
    expect "loss 'h1fd' is [0-9.e+]* at sample 2: the target there is nearly zero" "${run[@]}" train "${small[@]}" -data nothing.h5 -loss_type h1fd -data_normalize_output 0 -o nothing_model.h5
    [ -z "$("${run[@]}" train "${small[@]}" -data nothing.h5 -loss_type h1fd -data_normalize_output 0 -loss_relative 0 -o nothing_model.h5 2>&1 >/dev/null)" ] || fail "the absolute form needs no such warning"
    # one file per way to be no data set: what was found, what was expected, what to do
    "$python" - <<'PYTHON'
import h5py, numpy as np
a = np.ones((4, 1, 8, 8))
cases = {"schema": {}, "axes": {}, "noinput": {}, "samples": {"output/u": a[:3]}, "points": {"output/u": a[..., :7]}, "rank": {"input/a": a[:, 0]}, "integers": {"input/a": a.astype("i4")},
         "L": {"grid/L": [0.0, 1.0]}, "n": {"grid/n": [8, 9]}, "time": {"time": [0.0, 0.0]}, "split": {"split/train": [0, 9]}, "twice": {"split/train": [0, 1], "split/valid": [1]}, "link": {"input/b": h5py.SoftLink("/input/a")},
         "outside": {"input/b": h5py.ExternalLink("seven.h5", "/input/a")}, "empty": {"input/a": a[:0]}, "text": {"input/b": "text"}, "name": {"input/b c": a}}
for name, change in cases.items():
    with h5py.File("no_%s.h5" % name, "w") as f:
        f.attrs["schema"] = "nomos-dataset/9" if name == "schema" else "nomos-dataset/1"
        f.attrs["axes"] = "x,y" if name == "axes" else "y,x"
        for key, value in {"input/a": a, "output/u": a, **change}.items():
            if name != "noinput" or key != "input/a":
                f[key] = value
PYTHON
    for pair in schema:nomos-dataset/1 axes:transpose noinput:add samples:expected\ 4 points:expected\ 8 rank:channel integers:convert L:L\ \>\ 0 n:expected\ 9 time:expected split:expected twice:expected link:expected outside:expected empty:expected text:convert name:rename; do
      refuse "no_${pair%%:*}.h5'.*${pair#*:}" "${run[@]}" train "${small[@]}" -data "no_${pair%%:*}.h5" -o small.h5
    done
  fi
  # a disk that is full (a limit of 8 MB; the model has 22): a sentence, the older model stays. MPI's own files stay below, since the memory
  # that ranks would share, a file in the eyes of such a limit, gives way to messages
  (ulimit -f 8192; refuse 'small.h5' "${run[@]}" train "${small[@]}" -net_fno_modes 12,12 -net_fno_width 64 -net_fno_layers 4 -data seven.h5 -o small.h5; exit $failed) || failed=1
  [ "$before" = "$(cksum <small.h5)" ] || fail "a disk that is full cost the old model"
  ;;
trained) # a model that PyTorch trained gives PyTorch's errors; a training of our own reaches the peer's accuracy
  # the peer's figures of tests/golden/README.md section 7, evaluated in single precision: 1e-5, ours prints 6 digits
  out=$("${run[@]}" predict -options_file "$src/tests/golden/darcy16_trained.opts" -model "$src/tests/golden/darcy16_trained.safetensors" -data "$data/darcy16_test.h5,$data/darcy32_test.h5" 2>&1)
  near "imported, 16x16 rel_l2" "$(value darcy16_test rel_l2 <<<"$out")" 0.120485 1e-5
  near "imported, 16x16 rel_h1fd" "$(value darcy16_test rel_h1fd <<<"$out")" 0.198518 1e-5
  near "imported, 32x32 rel_l2" "$(value darcy32_test rel_l2 <<<"$out")" 0.141518 1e-5
  near "imported, 32x32 rel_hm1" "$(value darcy32_test rel_hm1 <<<"$out")" 0.095812 1e-5
  expect 'check: forward [0-9.e-]+ gradient [0-9.e-]+$' "$nomos" check -options_file "$src/tests/golden/fno2d_tucker.opts" -model "$src/tests/golden/fno2d_tucker.safetensors" -reference "$src/tests/golden/fno2d_tucker.h5"
  # imported onto an odd grid, which the package treats otherwise: said, unless the options say which
  "${run[@]}" generate -pde_type darcy -pde_grid 15,16 -data_samples 2 -o odd.h5 >/dev/null || fail "generate on an odd grid"
  imported=("${run[@]}" predict -options_file "$src/tests/golden/darcy16_trained.opts" -model "$src/tests/golden/darcy16_trained.safetensors")
  expect 'nomos: a leading axis of the grid is odd' "${imported[@]}" -data odd.h5
  for options in "odd.h5 -net_fno_shift exact" "odd.h5 -net_fno_shift neuralop2" "$data/darcy16_test.h5"; do
    # shellcheck disable=SC2086
    out=$("${imported[@]}" -data $options 2>&1) || fail "predict with $options"
    [[ "$out" != *"is odd"* ]] || fail "an odd axis was said with $options"
  done
  refuse '' "$nomos" check -options_file "$src/tests/golden/fno2d_tucker.opts" -model "$src/tests/golden/fno2d_tucker.safetensors" -reference "$src/tests/golden/fno2d_tucker.h5" -check_forward_rtol 1e-18
  out=$("${run[@]}" train -options_file "$src/examples/recipes/darcy16-quick.opts" -data "$data/darcy16_train.h5" -data_test "$data/darcy16_test.h5,$data/darcy32_test.h5" -o quick.h5 -pictures none -nomos_progress none 2>&1)
  # means of five seeds 0.1095 and 0.1349 with deviations of 0.003: five of them above
  below "darcy16-quick, 16x16" "$(value darcy16_test rel_l2 <<<"$out")" 0.125
  below "darcy16-quick, 32x32" "$(value darcy32_test rel_l2 <<<"$out")" 0.150
  ;;
wrong) # what is wrong, what was expected, what to type; what was there stays
  head -c 3000 "$data/darcy16_train.h5" >cut.h5
  echo "not a model" >text.h5
  refuse 'give -data' "${run[@]}" train -o x.h5 -net_type fno -net_fno_modes 4,4
  refuse 'gone.h5' "${run[@]}" train -o x.h5 -net_type fno -net_fno_modes 4,4 -data gone.h5
  refuse 'cut.h5' "${run[@]}" train -o x.h5 -net_type fno -net_fno_modes 4,4 -data cut.h5
  refuse 'net_fno_modes' "${run[@]}" train -o x.h5 -net_type fno -net_fno_modes 4,4,4 -data "$data/darcy16_train.h5" -pictures none
  refuse 'net_fno_modes' "${run[@]}" train -o x.h5 -net_type fno -net_fno_modes 40,40 -data "$data/darcy16_train.h5" -pictures none
  refuse 'axis 0, the training data have 16 points there: at most 16' "${run[@]}" train -o x.h5 -net_type fno -net_fno_modes 17,16 -data "$data/darcy16_train.h5" -pictures none
  refuse 'axis 0, the training data have 16 points there: at most 8' "${run[@]}" train -o x.h5 -net_type fno -net_fno_block li -net_fno_modes 9,9 -data "$data/darcy16_train.h5" -pictures none
  refuse '' "${run[@]}" train -o x.h5 -net_type fno -net_fno_modes 4,4 -net_fno_width -3 -data "$data/darcy16_train.h5" -pictures none
  refuse '' "${run[@]}" train -o x.h5 -net_type fno -net_fno_modes 4,4 -data_batch 0 -data "$data/darcy16_train.h5" -pictures none
  refuse '' "${run[@]}" train -net_type fno -net_fno_modes 4,4 -data "$data/darcy16_train.h5" -data_epochs 1 -data_samples 16 -o /proc/none/model.h5 -pictures none -nomos_progress none
  refuse 'text.h5' "${run[@]}" predict -model text.h5 -data "$data/darcy16_test.h5"
  refuse '' "${run[@]}" predict -model "$src/tests/golden/fno1d.safetensors" -options_file "$src/tests/golden/fno2d.opts" -data "$data/darcy16_test.h5"
  refuse '' "${run[@]}" generate -pde_type darcy -pde_grid 0,8 -data_samples 2 -o zero.h5
  refuse 'pde_grid has more than 3' "${run[@]}" generate -pde_type darcy -pde_grid 8,8,8,8 -data_samples 2 -o zero.h5
  refuse 'more than 8 losses' "${run[@]}" train -o x.h5 -net_type fno -net_fno_modes 4,4 -data "$data/darcy16_train.h5" -pictures none -loss_type h1fd,h1fd,h1fd,h1fd,h1fd,h1fd,h1fd,h1fd,h1fd
  refuse 'more than 256 files' "${run[@]}" predict -model x.h5 -data "$(printf 'a.h5,%.0s' {1..260})b.h5"
  refuse 'navierstoke' "${run[@]}" generate -pde_type navierstoke -pde_grid 8,8 -data_samples 2 -o zero.h5
  refuse 'cut.h5' "$nomos" check cut.h5
  refuse 'cut.h5' "$nomos" info cut.h5
  refuse 'verb|frobnicate' "$nomos" frobnicate
  refuse 'width' "${run[@]}" train -net_type fno -net_fno_modes 4,4 -net_fno_widht 8 -nomos_strict -data "$data/darcy16_train.h5" -data_samples 16 -data_epochs 1 -o strict.h5 -pictures none -nomos_progress none
  # a value's own option is named, not one that happens to hold the same digits
  tiny=(-net_type fno -net_fno_modes 4,4 -net_fno_width 6 -net_fno_layers 2 -data_epochs 1 -data_samples 16 -pictures none -nomos_progress none)
  refuse 'see -net_fno_width$' "${run[@]}" train "${tiny[@]}" -net_fno_width 1.5 -data "$data/darcy16_train.h5" -o x.h5
  refuse 'see -net_fno_modes$' "${run[@]}" train "${tiny[@]}" -net_fno_modes 4,x -data "$data/darcy16_train.h5" -o x.h5
  refuse "net_view 'bogus' is no viewer.*ascii" "${run[@]}" train "${tiny[@]}" -net_view bogus:x -data "$data/darcy16_train.h5" -o x.h5
  expect 'net cannot be shown' "${run[@]}" train "${tiny[@]}" -net_view hdf5:none/net.h5 -data "$data/darcy16_train.h5" -o shown.h5
  expect 'model nomos-checkpoint/1' "$nomos" check shown.h5
  refuse 'see -tao_type$' "${run[@]}" train "${tiny[@]}" -tao_type frobnicate -data "$data/darcy16_train.h5" -o x.h5
  # nothing that a run reads is overwritten; a folder that takes no checkpoint is refused before the run
  cp "$data/darcy16_test.h5" mine.h5
  "${run[@]}" train "${tiny[@]}" -data mine.h5 -o kept.h5 >/dev/null || fail "train for what follows"
  ln -sf mine.h5 other.h5
  before=$(cat mine.h5 kept.h5 | cksum)
  refuse 'overwrite.*-o another name' "${run[@]}" train "${tiny[@]}" -data mine.h5 -o mine.h5
  refuse 'overwrite' "${run[@]}" train "${tiny[@]}" -data mine.h5 -o other.h5
  refuse 'overwrite' "${run[@]}" train "${tiny[@]}" -data "$data/darcy16_train.h5" -data_test mine.h5 -o ./mine.h5
  refuse 'overwrite' "${run[@]}" predict -model kept.h5 -data mine.h5 -o kept.h5
  refuse 'overwrite' "${run[@]}" predict -model kept.h5 -data mine.h5 -o mine.h5
  refuse 'overwrite' "${run[@]}" predict -model kept.h5 -data mine.h5 -report mine.h5
  refuse 'nomos_checkpoint' "${run[@]}" train "${tiny[@]}" -data mine.h5 -o x.h5 -nomos_checkpoint /proc/none
  refuse 'nomos_checkpoint' "${run[@]}" train "${tiny[@]}" -data mine.h5 -o x.h5 -nomos_checkpoint kept.h5
  [ "$before" = "$(cat mine.h5 kept.h5 | cksum)" ] || fail "a refused run changed a file that it reads"
  [ ! -e zero.h5 ] || fail "a refused generate left a file"
  if compgen -G '*.part' >/dev/null; then fail "a .part was left: $(echo *.part)"; fi
  ;;
ranks) # a Fourier neural operator in double precision: the run of these ranks is that of one rank, loss by loss
  "$nomos" generate -pde_type darcy -pde_grid 16,16 -data_samples 40 -nomos_seed 5 -o data.h5 >/dev/null || fail "generate"
  job=(train -net_type fno -net_fno_modes 6,6 -net_fno_width 10 -net_fno_layers 3 -net_precision double -data data.h5 -data_batch 8 -data_epochs 8 -tao_adamw_lr 5e-3 -pictures none -nomos_progress none)
  for loss in h1fd sobolev; do
    "$nomos" "${job[@]}" -loss_type $loss -nomos_history one.csv -o one.h5 >/dev/null || fail "train on one rank"
    "${run[@]}" "${job[@]}" -loss_type $loss -nomos_history many.csv -o many.h5 >/dev/null || fail "train on these ranks"
    # first loss 1e-12, first gradient 1e-11, the losses of 40 steps 1e-9: adamw amplifies the rounding of sums in another order
    differences=$(awk -F, 'FNR == 1 || $1 !~ /^[0-9]+$/ { next } NR == FNR { f[$1] = $3; g[$1] = $4; next }
      { d = ($3 - f[$1]) / f[$1]; if (d < 0) d = -d; if (d > worst) worst = d; n++
        if ($1 == 0) { first = d; gradient = ($4 - g[0]) / g[0]; if (gradient < 0) gradient = -gradient } }
      END { printf "n= %d first= %g gradient= %g worst= %g\n", n, first, gradient, worst }' one.csv many.csv)
    echo "$loss: $differences"
    read -r _ n _ first _ gradient _ worst <<<"$differences"
    near "steps compared ($loss)" "$n" 40 0
    below "difference of the first loss ($loss)" "$first" 1e-12
    below "difference of the first gradient ($loss)" "$gradient" 1e-11
    below "difference of forty losses ($loss)" "$worst" 1e-9
  done
  # what one rank began these go on with, and the other way round: shards of the parameters begin elsewhere
  whole=$("$nomos" "${job[@]}" -o one.h5 | sed -n 's/^trained .* f=\([^ ]*\).*/\1/p')
  for way in grow shrink; do
    rm -rf $way
    first=("$nomos") second=("${run[@]}")
    [ $way = grow ] || { first=("${run[@]}"); second=("$nomos"); }
    "${first[@]}" "${job[@]}" -tao_max_it 17 -tao_schedule_length 40 -nomos_checkpoint $way -o part.h5 >/dev/null || fail "the first part ($way)"
    near "f of a run begun on another number of ranks ($way)" "$("${second[@]}" "${job[@]}" -nomos_checkpoint $way -nomos_restart auto -o part.h5 2>/dev/null | sed -n 's/^trained steps=40 .* f=\([^ ]*\).*/\1/p')" "$whole" 1e-9
  done
  ;;
killed) # kill -9 and Ctrl-C at any moment: what is finished stays whole, the newest checkpoint goes on, and the end is that of a run left alone
  rm -rf whole parts data.h5 model.h5 whole.h5 parts.csv whole.csv # of an earlier call of this test
  "${run[@]}" generate -pde_type darcy -pde_grid 12,12 -data_samples 24 -nomos_seed 5 -o data.h5 >/dev/null || fail "generate"
  times=12 least=5 epochs=200
  [ "$(wc -w <<<"${run[*]}")" -eq 1 ] || times=4 least=2 epochs=200 # mpiexec takes its time, now more, now less: the work must be long beside it
  job=(train -net_type fno -net_fno_modes 5,5 -net_fno_width 8 -net_fno_layers 2 -net_precision double -data data.h5 -data_batch 4 -data_epochs $epochs -nomos_checkpoint_interval 10 -nomos_deterministic -pictures none -nomos_progress none)
  now() { date +%s.%N; }
  # how long a run takes to begin, and to do its work, here and today: kills fall into both, and together take about one run
  t0=$(now)
  "${run[@]}" "${job[@]}" -tao_max_it 1 -o first.h5 >/dev/null 2>&1 || fail "one step"
  t1=$(now)
  whole=$("${run[@]}" "${job[@]}" -nomos_history whole.csv -nomos_checkpoint whole -o whole.h5 2>&1 | sed -n 's/^trained \(steps=.* f=[^ ]*\).*/\1/p')
  t2=$(now)
  [ -n "$whole" ] || fail "the run left alone"
  cp whole.h5 model.h5 # an older model that the killed runs would replace
  old=$(cksum <model.h5)
  shopt -s nullglob
  set -m # jobs get groups of their own, and do not ignore INT as those of a script do
  for ((k = 0; k < times; k++)); do
    "${run[@]}" "${job[@]}" -nomos_history parts.csv -nomos_checkpoint parts -nomos_restart auto -o model.h5 >killed.log 2>&1 &
    pid=$!
    sleep "$(awk -v k=$k -v n=$times -v a="$t0" -v b="$t1" -v c="$t2" -v s=$RANDOM 'BEGIN { srand(s); begin = b - a; work = c - b - begin; printf "%.3f", k % 5 == 4 ? begin * rand() : begin + 2 * rand() * work / n }')"
    victim=$pid
    ranks=$(ps -o pid= --ppid $pid 2>/dev/null | tr -d ' ')
    [ $times -lt 12 ] && [ -n "$ranks" ] && victim=$(tail -n 1 <<<"$ranks") # one rank of the job: the others end with it
    if [ $((k % 4)) -eq 3 ]; then kill -INT -- -$pid 2>/dev/null; else kill -KILL $victim 2>/dev/null; fi
    wait $pid 2>/dev/null
    status=$?
    [ $status -ne 0 ] || break # it was faster than we were
    for f in parts/checkpoint-*.h5 model.h5; do
      checks=$((checks + 1))
      "$nomos" check $f >/dev/null 2>check.log || { fail "$f after kill $k: $(cat check.log)"; }
    done
    [ "$old" = "$(cksum <model.h5)" ] || break # the signal came after the model was whole, as the check above says
  done
  set +m
  [ $k -ge $least ] || fail "only $k runs were killed before one came to its end"
  compgen -G 'parts/checkpoint-*.h5' >/dev/null || fail "no checkpoint was left by $k killed runs"
  out=$("${run[@]}" "${job[@]}" -nomos_history parts.csv -nomos_checkpoint parts -nomos_restart auto -o model.h5 2>&1)
  parts=$(sed -n 's/^trained \(steps=.* f=[^ ]*\).*/\1/p' <<<"$out")
  checks=$((checks + 1))
  [ "$whole" = "$parts" ] || fail "$k times killed: '$parts', left alone: '$whole'; $out"
  if compgen -G 'parts/*.part' >/dev/null; then fail "a .part was left beside the checkpoints"; fi
  # of two lines of one step the last counts; f is that of the run left alone, digit by digit
  f() { awk -F, 'NR > 1 && NF > 5 && $1 ~ /^[0-9]+$/ { f[$1] = $3 } END { for (s in f) print s, f[s] }' "$1" | sort -n; }
  [ "$(f whole.csv)" = "$(f parts.csv)" ] || fail "the histories differ: $(diff <(f whole.csv) <(f parts.csv) | head -n 3)"
  echo "killed $k times"
  ;;
disk) # a disk that is really full: a small file system where this user may mount one, otherwise 77 (a limit of the file size stands in for it in `files`)
  mkdir -p small
  if ! mount -t tmpfs -o size=1m,mode=777 tmpfs small 2>/dev/null; then
    echo "skipped: this user may not mount a file system of 1 MB"
    exit 77
  fi
  trap 'umount small 2>/dev/null || umount -l small' EXIT
  "${run[@]}" generate -pde_type darcy -pde_grid 12,12 -data_samples 24 -nomos_seed 5 -o data.h5 >/dev/null || fail "generate"
  job=(train -net_type fno -net_fno_modes 5,5 -net_fno_width 12 -net_fno_layers 2 -data data.h5 -data_batch 4 -data_epochs 20 -nomos_checkpoint_interval 10 -nomos_deterministic -pictures none -nomos_progress none)
  whole=$("${run[@]}" "${job[@]}" -o whole.h5 2>&1 | sed -n 's/^trained \(steps=.* f=[^ ]*\).*/\1/p')
  expect '^trained steps=30 ' "${run[@]}" "${job[@]}" -tao_max_it 30 -tao_schedule_length 120 -nomos_checkpoint small/ck -o model.h5
  cp small/ck/*.h5 . && kept=$(cksum <model.h5)
  "${run[@]}" "${job[@]}" -o small/model.h5 >/dev/null 2>&1 || fail "a model on the small disk"
  before=$(cat small/model.h5 small/ck/*.h5 | cksum)
  head -c 1048576 /dev/zero >small/filler 2>/dev/null # what is left
  [ "$(df --output=avail small | tail -n 1)" -eq 0 ] || fail "the disk is not full"
  # a checkpoint that finds no room: said, and the run goes on to its end
  out=$("${run[@]}" "${job[@]}" -nomos_checkpoint small/ck -nomos_restart small/ck -nomos_history small/h.csv -o full.h5 2>&1)
  checks=$((checks + 1))
  grep -Eq 'nomos: no checkpoint at step [0-9]+: cannot write .*(No space|space).*training goes on' <<<"$out" || fail "no sentence about the full disk: $out"
  [ "$whole" = "$(sed -n 's/^trained \(steps=.* f=[^ ]*\).*/\1/p' <<<"$out")" ] || fail "the run on a full disk ended otherwise: $out"
  # a model, a data set, a prediction and a report that find none
  refuse 'small/model.h5|small' "${run[@]}" "${job[@]}" -tao_max_it 1 -o small/model.h5
  refuse 'small/set.h5|small' "${run[@]}" generate -pde_type darcy -pde_grid 32,32 -data_samples 40 -o small/set.h5
  refuse 'small/pred.h5|small' "${run[@]}" predict -model full.h5 -data data.h5 -o small/pred.h5 -pictures none
  refuse 'report' "${run[@]}" predict -model full.h5 -data data.h5 -report small/rows.csv
  [ "$before" = "$(cat small/model.h5 small/ck/*.h5 | cksum)" ] || fail "what was saved before is not what it was"
  for f in small/model.h5 small/ck/*.h5; do expect 'checkpoint' "$nomos" check $f; done
  for f in small/*.part small/ck/*.part; do [ ! -e "$f" ] || fail "$f was left"; done
  # room again: the newest checkpoint goes on to the same end
  rm -f small/filler
  out=$("${run[@]}" "${job[@]}" -nomos_checkpoint small/ck -nomos_restart auto -o again.h5 2>&1)
  [ "$whole" = "$(sed -n 's/^trained \(steps=.* f=[^ ]*\).*/\1/p' <<<"$out")" ] || fail "the run after the full disk ended otherwise: $out"
  ;;
*) fail "no part '$part'" ;;
esac
[ $checks -gt 0 ] || fail "nothing was checked"
exit $failed
