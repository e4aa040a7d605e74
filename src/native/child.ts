// SPDX-License-Identifier: GPL-2.0-only
/**
 * A child process that is asked and answers, synchronously: frames of two u32 (length, kind) and a payload.
 *
 * WHY synchronous: the model runs synchronously, and so do properties; a lock-step of the two over promises would
 * make every caller asynchronous for nothing. WHY named pipes: Node's own pipes to a child cannot be read blocking.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { closeSync, constants, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { NativeError } from './native-error.js';
import { scratchDir } from './scratch.js';

/** A frame of the child's. */
export interface Frame {
  readonly kind: string;
  readonly payload: Buffer;
}

/** Of a frame that describes an end. */
function endOf(frame: Frame): string {
  const { kind, what } = JSON.parse(frame.payload.toString()) as { kind: string; what: string };
  return kind === 'trap' ? `: it calls ${what}(), which is not provided` : `: ${kind}: ${what}`;
}

export class Child {
  private readonly process: ChildProcess;
  private readonly input: number;
  private readonly output: number;
  private readonly header = Buffer.alloc(8);
  private open = true;
  /** how it said that it would end, for an end that no operation is blamed for */
  private lastWords = '';
  /** the frame that said so; null when there was none */
  end: Frame | null = null;

  constructor(program: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env) {
    const dir = scratchDir();
    const [toChild, fromChild] = [join(dir, 'in'), join(dir, 'out')];
    execFileSync('mkfifo', ['-m', '600', toChild, fromChild]);
    // Opened for both first, because opening one end alone waits for the other.
    const both = [toChild, fromChild].map((path) => openSync(path, constants.O_RDWR));
    const childReads = openSync(toChild, constants.O_RDONLY);
    this.input = openSync(toChild, constants.O_WRONLY);
    this.output = openSync(fromChild, constants.O_RDONLY);
    const childWrites = openSync(fromChild, constants.O_WRONLY);
    this.process = spawn(program, [...args], { stdio: [childReads, childWrites, 'inherit'], env });
    this.process.on('error', () => {});
    this.process.unref();
    for (const fd of [...both, childReads, childWrites]) closeSync(fd);
    rmSync(dir, { recursive: true });
  }

  private died(): NativeError {
    this.close();
    return new NativeError('died', `the native engine ended by itself${this.lastWords}`);
  }

  /** Reads what it said before it left. */
  private lastFrames(): void {
    try {
      for (;;) {
        const frame = this.receive();
        if (frame.kind === 'E') this.hear(frame);
      }
    } catch (error) {
      if (!(error instanceof NativeError)) throw error;
    }
  }

  private hear(frame: Frame): void {
    this.lastWords = endOf(frame);
    this.end = frame;
  }

  private writeAll(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      try {
        done += writeSync(this.input, bytes, done);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EPIPE') {
          this.lastFrames();
          throw this.died();
        }
        throw error;
      }
    }
  }

  private readAll(into: Buffer): void {
    for (let done = 0; done < into.length; ) {
      const n = readSync(this.output, into, done, into.length - done, null);
      if (n === 0) throw this.died();
      done += n;
    }
  }

  private receive(): Frame {
    this.readAll(this.header);
    const payload = Buffer.allocUnsafe(this.header.readUInt32LE(0));
    const kind = String.fromCharCode(this.header.readUInt32LE(4));
    this.readAll(payload);
    return { kind, payload };
  }

  /** Sends one request and waits for its answer; frames of other kinds that come before it go to `aside`. */
  ask(kind: string, payload: Uint8Array, aside: (frame: Frame) => void = () => {}): Buffer {
    if (!this.open) throw new NativeError('died', 'the native engine is closed');
    const header = Buffer.alloc(8);
    header.writeUInt32LE(payload.length, 0);
    header.writeUInt32LE(kind.charCodeAt(0), 4);
    this.lastWords = '';
    this.end = null;
    this.writeAll(header);
    this.writeAll(payload);
    for (;;) {
      const frame = this.receive();
      if (frame.kind === kind) return frame.payload;
      if (frame.kind === 'E') this.hear(frame);
      aside(frame);
    }
  }

  /** The child sees the end of its input and leaves. */
  close(): void {
    if (!this.open) return;
    this.open = false;
    closeSync(this.input);
    closeSync(this.output);
  }
}
