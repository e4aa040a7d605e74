// SPDX-License-Identifier: GPL-2.0-only
/** A recording as JSON, an object a line: the tracepoint under the kernel's names, and who was current. */
import type { TraceText } from './ftrace.js';

/** ts is decimal ns since boot; fields are as the kernel's tracepoint has them, 64-bit ones as decimal text. */
export const jsonTrace = (): TraceText => ({
  head: [JSON.stringify({ schema: 'kvmodel-trace-1', clock: 'ns' })],
  line({ event, comm, pid }) {
    const { ts, cpu, system, event: name, fields } = event;
    return JSON.stringify({ ts, cpu, comm, pid, system, event: name, fields });
  },
});
