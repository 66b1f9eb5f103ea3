"""The built-in engine: jobs, their payloads and their queues in Sidekiq's Redis protocol."""
