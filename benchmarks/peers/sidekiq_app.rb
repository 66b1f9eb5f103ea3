require "sidekiq"

Sidekiq.configure_server { |config| config.redis = {url: ENV.fetch("BENCH_REDIS"), size: 15} }
Sidekiq.configure_client { |config| config.redis = {url: ENV.fetch("BENCH_REDIS")} }

class Noop
  include Sidekiq::Worker

  JOBS = Integer(ENV.fetch("BENCH_JOBS"))
  LOCK = Mutex.new
  @count = 0

  class << self
    attr_accessor :began

    def tick = LOCK.synchronize { @count += 1 }
  end

  def perform
    number = Noop.tick
    now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    Noop.began = now if number == 1
    Sidekiq.redis { |redis| redis.set("bench:seconds", now - Noop.began) } if number == JOBS
  end
end

if ARGV.first == "push"
  (1..Noop::JOBS).each_slice(1_000) { |some| Sidekiq::Client.push_bulk("class" => Noop, "args" => some.map { [] }) }
end
