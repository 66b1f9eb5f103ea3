# Counts members of Shiftboss batches that Ruby runs. Load it in Sidekiq's server process, beside the script that
#   python -c "from shiftboss.scripts import script; print(script('batches/ack').text)" > ack.lua
# writes; after an update of Shiftboss write it anew. Callbacks are Python's: a Python worker enqueues them within seconds.
require "sidekiq"

class ShiftbossBatches
  SCRIPT = File.read(ENV.fetch("SHIFTBOSS_ACK", File.join(__dir__, "ack.lua")))
  NAMESPACE = ENV.fetch("SHIFTBOSS_NAMESPACE", "sb")
  KEYS = ["", ":ran", ":done", ":dead", :out, ":failures", ":results", ":runs"].freeze

  def call(_worker, job, queue)
    begin
      yield
    rescue StandardError
      self.class.tell(job, queue, "f") # it will run again, or a death handler says otherwise
      raise
    end
    self.class.tell(job, queue, "s")
  end

  # Saying the same twice is saying it once.
  def self.tell(job, queue, outcome)
    bid, position = job["sbm"]
    return unless position.is_a?(Integer)

    shard = "#{NAMESPACE}:{b#{bid[0, 2]}}:"
    keys = KEYS.map { |part| part == :out ? "#{shard}out" : "#{shard}#{bid}#{part}" }
    Sidekiq.redis { |redis| redis.call("EVAL", SCRIPT, keys.size, *keys, bid, queue, 0, position, outcome, "") }
  end
end

Sidekiq.configure_server do |config|
  config.server_middleware { |chain| chain.add(ShiftbossBatches) }
  config.death_handlers << ->(job, _error) { ShiftbossBatches.tell(job, job["queue"], "d") }
end
