# The Ruby side of the tests: jobs that write down that they ran, and words to act on.
require "json"
require "sidekiq"
require "sidekiq/api"

ADDRESS = {url: ENV.fetch("INTEROP_REDIS")}
Sidekiq.configure_server do |config|
  config.redis = ADDRESS.merge(size: 10)
  config.options[:poll_interval_average] = 0.2
  config.options[:average_scheduled_poll_interval] = 0.2
end
Sidekiq.configure_client { |config| config.redis = ADDRESS }

# With the script at hand, members of batches are counted.
require_relative "../../examples/ruby/shiftboss_batches" if ENV["SHIFTBOSS_ACK"]

module Noting
  def note(*facts)
    Sidekiq.redis { |redis| redis.rpush("test:notes", JSON.generate(["ruby", *facts])) }
  end
end

class Note
  include Sidekiq::Worker
  include Noting
  sidekiq_options queue: "ruby"

  def perform(*args) = note(jid, args)
end

class Fail
  include Sidekiq::Worker
  include Noting
  sidekiq_options queue: "ruby", retry: 3

  def perform(text)
    note("failing", text)
    raise ArgumentError, text
  end
end

class PythonNote
  include Sidekiq::Worker
  sidekiq_options queue: "python"
end

WORDS = {
  "push" => ->(queue, *args) { Sidekiq::Client.push("class" => "PythonNote", "queue" => queue, "args" => args) },
  "push_in" => ->(seconds, *args) { PythonNote.perform_in(seconds, *args) },
  "push_bulk" => ->(rows) { Sidekiq::Client.push_bulk("class" => PythonNote, "args" => rows) },
  "set" => lambda do |name|
    {"retry" => Sidekiq::RetrySet, "dead" => Sidekiq::DeadSet, "schedule" => Sidekiq::ScheduledSet}.fetch(name).new.map do |job|
      {"jid" => job.jid, "class" => job.klass, "args" => job.args, "queue" => job.queue, "error_class" => job["error_class"],
       "retry_count" => job["retry_count"], "created_at" => job.created_at.to_f, "at" => job.at.to_f}
    end
  end,
  "retry_all" => ->(name) { (name == "dead" ? Sidekiq::DeadSet : Sidekiq::RetrySet).new.retry_all; nil },
  "processes" => lambda do
    Sidekiq::ProcessSet.new.map { |one| {"identity" => one.identity, "busy" => one["busy"], "queues" => one["queues"]} }
  end,
  "quiet" => -> { Sidekiq::ProcessSet.new.each(&:quiet!); nil },
  "work" => -> { Sidekiq::Workers.new.map { |process, thread, work| [process, thread, work["queue"], work["payload"]] } },
  "stats" => -> { s = Sidekiq::Stats.new; {"processed" => s.processed, "failed" => s.failed, "enqueued" => s.enqueued, "queues" => s.queues} }
}

if $PROGRAM_NAME == __FILE__
  # One line in, one line out: a word and its arguments, and what it returned.
  $stdout.sync = true
  $stdin.each_line do |line|
    word, *args = JSON.parse(line)
    puts JSON.generate(WORDS.fetch(word).call(*args))
  end
end
