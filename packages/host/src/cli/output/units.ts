const sizes = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** Writes a number of bytes for people: `512 B`, `1.5 MiB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let index = 0;
  while (value >= 1024 && index < sizes.length - 1) {
    value /= 1024;
    index += 1;
  }
  return `${index === 0 ? String(Math.round(value)) : value.toFixed(1)} ${sizes[index] ?? 'B'}`;
}

/** Writes a duration for people: `0.4 s`, `2 m 05 s`, `3 h 10 m`. */
export function formatDuration(durationMs: number): string {
  const seconds = durationMs / 1000;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} m ${String(whole % 60).padStart(2, '0')} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} m`;
}
