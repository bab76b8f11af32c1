// Loaded into the measured process by NODE_OPTIONS=--import: at its exit it writes how long its event
// loop was held up and how much memory it had at most. The product knows nothing of it.
import { writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const file = process.env['PIPEWRIGHT_BENCH_PROBE'];
if (file !== undefined) {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  process.on('exit', () => {
    delay.disable();
    writeFileSync(
      file,
      JSON.stringify({
        delay_p50_ms: delay.percentile(50) / 1e6,
        delay_p99_ms: delay.percentile(99) / 1e6,
        delay_max_ms: delay.max / 1e6,
        max_rss_mb: process.resourceUsage().maxRSS / 1024,
        cpu_ms: (process.cpuUsage().user + process.cpuUsage().system) / 1000,
      }),
    );
  });
}
