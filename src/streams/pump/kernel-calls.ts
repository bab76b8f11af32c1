import { constants } from 'node:os';
import type { Pipe } from './pipes.ts';

/** Linux system calls that move bytes between pipes without copying them. A negative result is an error, its errno negated. */
export interface KernelCalls {
  /** Both ends close at exec. Undefined where the system gives no more, or none of that size. */
  readonly pipe: (sizeBytes: number) => Pipe | undefined;
  /** As far as this user may. */
  readonly enlarge: (fd: number, sizeBytes: number) => void;
  /** Copies what is in one pipe to another; does not wait. */
  readonly tee: (from: number, to: number, bytes: number) => number;
  /** Moves it; does not wait. */
  readonly splice: (from: number, to: number, bytes: number) => number;
  /** Until there is something to read, or room to write, or the other end is gone; at most `limitMs`. */
  readonly wait: (fd: number, what: 'read' | 'write', limitMs: number) => void;
}

// Source: fcntl(2), pipe(2), tee(2), splice(2), poll(2); the same numbers on every architecture of Linux that matters here.
const F_SETPIPE_SZ = 1031;
const F_GETPIPE_SZ = 1032;
const O_CLOEXEC = 0o2000000;
const SPLICE_MOVE_NONBLOCK = 1 | 2;
const POLL = { read: 1, write: 4 } as const;
const POLLFD_BYTES = 8;

/** Undefined where the optional package `koffi` is not installed, or does not fit this machine. */
export async function loadKernelCalls(): Promise<KernelCalls | undefined> {
  if (process.platform !== 'linux') return undefined;
  try {
    const { default: koffi } = await import('koffi');
    // The libraries that Node itself is linked with: glibc or musl.
    const libc = koffi.load(null);
    const pipe2 = libc.func('int pipe2(_Out_ int *fds, int flags)');
    const fcntl = libc.func('int fcntl(int fd, int cmd, int arg)');
    const tee = libc.func('int64_t tee(int in, int out, uint64_t length, unsigned int flags)');
    const splice = libc.func(
      'int64_t splice(int in, void *in_at, int out, void *out_at, uint64_t length, unsigned int flags)',
    );
    const poll = libc.func('int poll(void *fds, unsigned long count, int timeout)');
    const result = (bytes: unknown): number => (Number(bytes) < 0 ? -koffi.errno() : Number(bytes));
    const enlarge = (fd: number, sizeBytes: number): void => void fcntl(fd, F_SETPIPE_SZ, sizeBytes);
    return {
      pipe: (sizeBytes) => {
        const ends = [-1, -1];
        if (Number(pipe2(ends, O_CLOEXEC)) < 0) return undefined;
        const [readFd = -1, writeFd = -1] = ends;
        enlarge(writeFd, sizeBytes);
        return Number(fcntl(writeFd, F_GETPIPE_SZ, 0)) === sizeBytes ? { readFd, writeFd } : undefined;
      },
      enlarge,
      tee: (from, to, bytes) => result(tee(from, to, bytes, SPLICE_MOVE_NONBLOCK)),
      splice: (from, to, bytes) => result(splice(from, null, to, null, bytes, SPLICE_MOVE_NONBLOCK)),
      wait: (fd, what, limitMs) => {
        const pollfd = Buffer.alloc(POLLFD_BYTES);
        if (isLittleEndian) {
          pollfd.writeInt32LE(fd);
          pollfd.writeInt16LE(POLL[what], 4);
        } else {
          pollfd.writeInt32BE(fd);
          pollfd.writeInt16BE(POLL[what], 4);
        }
        poll(pollfd, 1, limitMs);
      },
    };
  } catch {
    return undefined;
  }
}

const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

export const { EAGAIN, EINTR, ENODATA, EPIPE } = constants.errno;
