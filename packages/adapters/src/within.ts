/**
 * Waits for something, but not for too long.
 * @param patience in ms
 * @param onLate gives, or throws, what comes of it when that is over
 */
export async function within<Value, Late>(
  value: Promise<Value>,
  patience: number,
  onLate: () => Late,
): Promise<Value | Late> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => (timer = setTimeout(resolve, patience)));
  try {
    return await Promise.race([value, over.then(onLate)]);
  } finally {
    clearTimeout(timer);
  }
}
