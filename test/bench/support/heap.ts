import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

// Works without --expose-gc on the command line, which `npm run bench` does not pass.
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes on the heap that something still refers to. */
export function liveHeapBytes(): number {
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}

/** Bytes that something still refers to, on the heap and in buffers beside it. */
export function liveBytes(): number {
  const heapBytes = liveHeapBytes();
  return heapBytes + process.memoryUsage().arrayBuffers;
}
