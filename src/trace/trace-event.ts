// SPDX-License-Identifier: GPL-2.0-only
/**
 * One hit of a tracepoint: what include/trace/events declares, plus when and where.
 *
 * `fields` carries the event's own fields under their kernel names, in the order of its print format.
 */
export interface trace_event {
  /** TRACE_SYSTEM */
  system: 'sched' | 'kvm' | 'ipi' | 'warn' | 'printk' | 'kvmodel';
  /** the event's name, `sched_switch` */
  event: string;
  /** the CPU that hit it */
  cpu: number;
  /** of a kernel that runs in a guest: the name of its VM; `cpu` is a vCPU then */
  vm?: string;
  /** ns, decimal */
  ts: string;
  fields: Readonly<Record<string, string | number | boolean>>;
}
