/**
 * The one form of a duration that docker.Service reads back as it was written: hours, minutes and
 * seconds without zero parts, `1m30s` rather than `90s` or `1m30s0ms`, and `0s` for none. Any other
 * form is an endless diff (the provider prints Go's time.Duration less its trailing zero parts).
 *
 * @param seconds whole seconds, 0 or more.
 * @throws RangeError on a negative or fractional number.
 */
export function duration(seconds: number): string {
  if (!Number.isInteger(seconds) || seconds < 0) {
    throw new RangeError(`duration = ${seconds}; allowed: whole seconds, 0 or more`);
  }
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  const rest = seconds % 60;
  if (seconds === 0) return "0s";
  // Within hours Go prints the minutes even when they are zero and seconds follow: 1h0m5s.
  const middle = minutes > 0 || (hours > 0 && rest > 0) ? `${minutes}m` : "";
  return `${hours > 0 ? `${hours}h` : ""}${middle}${rest > 0 ? `${rest}s` : ""}`;
}
