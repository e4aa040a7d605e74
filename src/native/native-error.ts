// SPDX-License-Identifier: GPL-2.0-only
/** Why there is no native engine, in one sentence and with a code. */

/** What stands between the user and a native engine. */
export type NativeErrorCode =
  /** no /dev/kvm, or one that lacks what is needed */
  | 'no-kvm'
  /** no gcc on PATH */
  | 'no-compiler'
  /** builds cannot be kept anywhere */
  | 'no-cache'
  /** neither --tree nor an installed package */
  | 'no-tree'
  /** the path is not a kernel tree */
  | 'not-a-tree'
  /** before 5.18 kernel/sched was compiled file by file */
  | 'tree-too-old'
  /** not Linux on x86_64 */
  | 'unsupported-machine'
  /** the tree, or a patch to it, does not compile */
  | 'compile'
  /** it asks for a header of the architecture that kvmodel does not stand in for: nothing is said against the patch */
  | 'lacks-header'
  | 'link'
  /** kernel/sched is configured to be made of other files than those that are driven here */
  | 'other-scheduler'
  /** the build does not compute what the kernel computes: the smoke test says so */
  | 'smoke'
  /** the process ended by itself */
  | 'died'
  /** the kernel ends before its first operation */
  | 'boot'
  /** a patch does not apply */
  | 'patch';

/** Says in one sentence why the native engine cannot run; `details` are the tool's own words, line by line. */
export class NativeError extends Error {
  readonly code: NativeErrorCode;
  readonly details: readonly string[];

  constructor(code: NativeErrorCode, message: string, details: readonly string[] = []) {
    super(message);
    this.name = 'NativeError';
    this.code = code;
    this.details = details;
  }
}

/** The codes that mean "cannot be tested here" (exit 4 under --exit=kselftest) and not "wrong". */
export function isSkip(error: unknown): boolean {
  return (
    error instanceof NativeError &&
    ['no-compiler', 'no-cache', 'no-tree', 'no-kvm', 'unsupported-machine', 'lacks-header'].includes(error.code)
  );
}
