# Sidekiq's own web pages.
require "securerandom"
require "sidekiq"
require "sidekiq/web"

Sidekiq.configure_client { |config| config.redis = {url: ENV.fetch("INTEROP_REDIS")} }
use Rack::Session::Cookie, secret: SecureRandom.hex(32), same_site: true
run Sidekiq::Web
