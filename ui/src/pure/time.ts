// Points in time for people.

/** `12 s ago`, `3 min ago`, `5 h ago`, `yesterday 14:03`, `12 Nov 14:03`, `12 Nov 2025`. */
export function ago(then: Date, now: Date): string {
  const seconds = Math.round((now.getTime() - then.getTime()) / 1000);
  if (!Number.isFinite(seconds)) return "–";
  if (seconds < -60) return absoluteShort(then, now);
  if (seconds < 5) return "now";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 12 * 3600) return `${Math.floor(seconds / 3600)} h ago`;
  return absoluteShort(then, now);
}

/** `29 Nov` and `21:03`. */
export function dayAndTime(then: Date): [string, string] {
  return [
    `${then.getDate()} ${MONTHS[then.getMonth()]}`,
    `${two(then.getHours())}:${two(then.getMinutes())}`,
  ];
}

function absoluteShort(then: Date, now: Date): string {
  const [date, time] = dayAndTime(then);
  const day = dayOf(then);
  if (day === dayOf(now)) return `today ${time}`;
  const yesterday = new Date(now);
  yesterday.setDate(now.getDate() - 1);
  if (day === dayOf(yesterday)) return `yesterday ${time}`;
  return then.getFullYear() === now.getFullYear() ? `${date} ${time}` : `${date} ${then.getFullYear()}`;
}

/** `2026-11-29 14:03:12.345 +01:00`: exact, in the zone of the reader. */
export function absolute(then: Date): string {
  if (Number.isNaN(then.getTime())) return "–";
  const zone = -then.getTimezoneOffset();
  const offset = `${zone < 0 ? "-" : "+"}${two(Math.floor(Math.abs(zone) / 60))}:${two(Math.abs(zone) % 60)}`;
  const time = `${two(then.getHours())}:${two(then.getMinutes())}:${two(then.getSeconds())}`;
  return `${dayOf(then)} ${time}.${String(then.getMilliseconds()).padStart(3, "0")} ${offset}`;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

function dayOf(date: Date): string {
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

function two(number: number): string {
  return String(number).padStart(2, "0");
}
