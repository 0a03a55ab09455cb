/** A Map as v4 shows it: an object without prototype, which follows the Map and cannot be written to. */
export function recordView<T>(map: ReadonlyMap<string, T>): Readonly<Record<string, T>> {
  const valueOf = (key: string | symbol): T | undefined => (typeof key === "string" ? map.get(key) : undefined);
  const refuse = (): boolean => false;
  return new Proxy(Object.create(null) as Record<string, T>, {
    get: (_, key) => valueOf(key),
    has: (_, key) => valueOf(key) !== undefined,
    ownKeys: () => [...map.keys()],
    getOwnPropertyDescriptor(_, key) {
      const value = valueOf(key);
      return value === undefined ? undefined : { value, enumerable: true, configurable: true };
    },
    set: refuse,
    defineProperty: refuse,
    deleteProperty: refuse,
  });
}
