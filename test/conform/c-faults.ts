// SPDX-License-Identifier: GPL-2.0-only
/**
 * Faults to plant in the kernel's own C code, all in one build: the number that five otherwise unused scheduler
 * features spell says which of them is active. Where a commit is named, its fix is taken back.
 */
import { FEATURE_NAMES } from '../../src/native/format.js';
import { type Operation, operation } from '../../src/operation/sched.js';

/** Text in a file of kernel/sched, and what stands there instead. */
interface Edit {
  readonly file: string;
  /** the function that it stands in */
  readonly in: string;
  readonly at: string;
  readonly put: string;
}

export interface CFault {
  /** what is planted, or the commit whose fix is taken back */
  readonly what: string;
  /** the question whose answer it changes */
  readonly refutes: string;
  readonly edits: readonly Edit[];
}

const edit = (place: string, at: string, put: string): Edit => {
  const [file, name] = place.split(' ') as [string, string];
  return { file, in: name, at, put };
};
const fault = (what: string, refutes: string, ...edits: Edit[]): CFault => ({ what, refutes, edits });

/** `N` in what is put stands for whether this fault is active. */
export const cFaults: readonly CFault[] = [
  fault(
    'bbce3de72be5',
    'slice',
    edit('fair.c dequeue_entities', '\t\t\tslice = cfs_rq_min_slice', '\t\t\tif (!N) slice = cfs_rq_min_slice'),
  ),
  fault(
    'b3d99f43c72b',
    'lone key',
    edit('fair.c update_deadline', '\tavg_vruntime(cfs_rq);', '\tif (!N) avg_vruntime(cfs_rq);'),
  ),
  fault(
    '79104becf42b',
    'forfeit',
    edit(
      'fair.c yield_task_fair',
      'if (entity_eligible(cfs_rq, se)) {',
      'if (N) se->deadline += calc_delta_fair(se->slice, se); else if (entity_eligible(cfs_rq, se)) {',
    ),
  ),
  fault(
    '66951e4860d3',
    'empty group',
    edit('fair.c update_cfs_group', '!gcfs_rq->load.weight', '(!N && !gcfs_rq->load.weight)'),
  ),
  fault(
    '3429dd57f0de',
    'structure',
    edit('fair.c set_delayed', '!entity_is_task(se)', '!N && !entity_is_task(se)'),
    edit('fair.c clear_delayed', '!entity_is_task(se)', '!N && !entity_is_task(se)'),
  ),
  fault(
    '1560d1f6eb6b',
    'lag, weight',
    edit(
      'fair.c reweight_eevdf',
      'entity_lag(avruntime, se)',
      'N ? (s64)(avruntime - se->vruntime) : entity_lag(avruntime, se)',
    ),
  ),
  fault(
    'd4ac164bde7a',
    'tick',
    edit('fair.c update_curr', 'cfs_rq->nr_running == 1', '(N ? rq->nr_running : cfs_rq->nr_running) == 1'),
  ),
  fault(
    'f553741ac8c0',
    'idle policy',
    edit(
      'fair.c check_preempt_wakeup_fair',
      '\t\tcancel_protect_slice(se);\n\t\tgoto',
      '\t\tif (!N) cancel_protect_slice(se);\n\t\tgoto',
    ),
  ),
  fault(
    '493afbd187c4',
    'structure',
    edit('fair.c check_preempt_wakeup_fair', '!pse->sched_delayed', '(N || !pse->sched_delayed)'),
  ),
  fault('nice 19 is refused', 'nice', edit('syscalls.c set_user_nice', 'nice > MAX_NICE', 'nice > MAX_NICE - N')),
  fault(
    'a ns too much is charged',
    'charge',
    edit('fair.c update_curr_se', 'sum_exec_runtime += delta_exec', 'sum_exec_runtime += delta_exec + N'),
  ),
  fault(
    'vruntime ignores weights',
    'charge',
    edit(
      'fair.c update_curr',
      'calc_delta_fair(delta_exec, curr)',
      '(N ? delta_exec : calc_delta_fair(delta_exec, curr))',
    ),
  ),
  fault(
    'lag is not inflated',
    'lag, place',
    edit('fair.c place_entity', 'lag = div_s64(lag, load);', 'lag = N ? se->vlag : div_s64(lag, load);'),
  ),
  fault(
    'DELAY_ZERO is forgotten by wake-ups',
    'lag, place',
    edit('fair.c requeue_delayed_entity', 'if (se->vlag > 0)', 'if (!N && se->vlag > 0)'),
  ),
  fault(
    'a sleeper is reweighted without its lag',
    'lag, asleep',
    edit('fair.c reweight_entity', 'se->vlag = div_s64(', 'if (!N) se->vlag = div_s64('),
  ),
  fault(
    'the leftmost is picked, eligible or not',
    'pick',
    edit(
      'fair.c pick_eevdf',
      'if (se && entity_eligible(cfs_rq, se))',
      'if (se && (N || entity_eligible(cfs_rq, se)))',
    ),
  ),
  fault(
    'minima of the right subtree are forgotten',
    'structure',
    edit(
      'fair.c min_vruntime_update',
      '\t__min_vruntime_update(se, node->rb_right);',
      '\tif (!N) __min_vruntime_update(se, node->rb_right);',
    ),
  ),
  fault(
    'sched_yield() only schedules',
    'yields',
    edit(
      'syscalls.c do_sched_yield',
      '\tcurrent->sched_class->yield_task(rq);',
      '\tif (!N) current->sched_class->yield_task(rq);',
    ),
  ),
  fault(
    'the fair server never starts',
    'fair server',
    edit('deadline.c dl_server_start', 'if (!dl_se->dl_runtime', 'if (N || !dl_se->dl_runtime'),
  ),
  fault(
    'the tick updates the clock twice',
    'warnings',
    edit('core.c sched_tick', '\tupdate_rq_clock(rq);', '\tupdate_rq_clock(rq);\n\tif (N) update_rq_clock(rq);'),
  ),
  fault(
    'load does not decay',
    'decay',
    edit('pelt.c decay_load', '\tlocal_n = n;', '\tif (N) return val;\n\tlocal_n = n;'),
  ),
  fault(
    'no idle CPU is looked for',
    'placement',
    edit('fair.c select_idle_cpu', 'nr = INT_MAX;', 'nr = N ? 1 : INT_MAX;'),
  ),
  fault('slices are not protected', 'parity', edit('fair.c protect_slice', 'return se->vlag', 'return !N && se->vlag')),
  fault(
    'PREEMPT_SHORT is lost',
    'short',
    edit('fair.c do_preempt_short', 'if (!sched_feat(PREEMPT_SHORT))', 'if (N || !sched_feat(PREEMPT_SHORT))'),
  ),
  fault(
    'yield_to() nominates nobody',
    'buddy',
    edit('fair.c yield_to_task_fair', '\tset_next_buddy(se);', '\tif (!N) set_next_buddy(se);'),
  ),
  fault(
    'every group has a share of one',
    'fairness',
    edit('fair.c calc_group_shares', '\tshares = (tg_shares * load);', '\tshares = N ? load : (tg_shares * load);'),
  ),
  fault(
    'a yielder is given four slices',
    'yield',
    edit(
      'fair.c yield_task_fair',
      'se->vruntime = se->deadline;',
      'if (N) se->vruntime -= 4 * se->slice; else se->vruntime = se->deadline;',
    ),
  ),
  fault(
    'a tick dies',
    'survival',
    edit(
      'core.c sched_tick',
      '\tcalc_global_load_tick(rq);',
      '\tBUG_ON(N && rq->nr_running > 3);\n\tcalc_global_load_tick(rq);',
    ),
  ),
  fault(
    'a yielder goes 2^40 ns ahead',
    'starvation',
    edit('fair.c yield_task_fair', 'se->vruntime = se->deadline;', 'se->vruntime = se->deadline + ((u64)N << 40);'),
  ),
];

const BITS = ['HRTICK_DL', 'NONTASK_CAPACITY', 'RT_RUNTIME_SHARE', 'LB_MIN', 'NI_RANDOM'] as const;
/** on by default: they count when they are off */
const INVERTED = ['NONTASK_CAPACITY', 'NI_RANDOM'];

/** What stands at the end of sched.h. */
const MACRO = `#define PLANTED(n) ((${BITS.map((name, i) => `${INVERTED.includes(name) ? '!' : '!!'}sched_feat(${name}) << ${i}`).join(' | ')}) == (n))\n`;

/** The operations that activate fault n of `cFaults`; without one, none is. */
export const activate = (n: number | null): Operation[] =>
  BITS.map((name, i) => {
    const bit = n === null ? 0 : ((n + 1) >> i) & 1;
    return operation('FEATURE', { id: FEATURE_NAMES.indexOf(name), a: bit ^ Number(INVERTED.includes(name)) });
  });

/** `text` of a file of kernel/sched with all faults in it. Throws where one finds no place. */
export function plantIn(file: string, text: string): string {
  if (file === 'sched.h') return text.replace(/(#endif[^\n]*\n)\s*$/, `${MACRO}$1`);
  let planted = text;
  for (const [n, { what, edits }] of cFaults.entries()) {
    for (const e of edits.filter((one) => one.file === file)) {
      const start = planted.search(new RegExp(`^[a-z][^;{}#()]*\\b${e.in}\\([^;{]*\\)\\s*\\{`, 'm'));
      const end = planted.indexOf('\n}', start);
      const body = planted.slice(start, end);
      if (start < 0 || !body.includes(e.at)) throw new Error(`${file}: ${e.in}(): no place for: ${what}`);
      const put = e.put.replace(/\bN\b/g, `PLANTED(${n + 1})`);
      planted = planted.slice(0, start) + body.replace(e.at, () => put) + planted.slice(end);
    }
  }
  return planted;
}

export const FILES: readonly string[] = ['sched.h', ...new Set(cFaults.flatMap((f) => f.edits.map((e) => e.file)))];
